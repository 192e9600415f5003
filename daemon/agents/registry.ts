/**
 * Which secrets this host serves and how it reaches their databases. Its own file beside the journal, so that a broken
 * journal leaves the heartbeats their list. Administrator passwords are sealed like the journal's rows.
 */
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { agentFact } from '@sikkerkey/protocol/local/state.ts';
import { tlsMode } from '@sikkerkey/protocol/vault/shapes.ts';
import Database from 'better-sqlite3';
import * as z from 'zod';
import { type Sealer, UnsealFailed } from '../journal/sealing.ts';
import type { Counters } from '../vault-link/published-vault.ts';
import { openRegistry } from './registry-file.ts';

/** Where a database is, without the password. */
const localConnection = z.object({
  provider: z.string(),
  host: z.string(),
  port: z.int(),
  database: z.string(),
  adminUser: z.string(),
  tls: tlsMode,
  ca: z.string().nullable(),
  usernameField: z.string().nullable(),
  passwordField: z.string().nullable(),
  pollIntervalSeconds: z.int().nullable(),
  probeQuery: z.string().nullable(),
});
const keptRest = z.object({ state: z.literal('QUARANTINED'), errorCode: z.string().nullable() });
/** What only the vault, the server or a rotation can tell, as it was heard last. */
const lastKnown = agentFact.pick({
  vaultId: true,
  name: true,
  provider: true,
  serverVersion: true,
  host: true,
  port: true,
  database: true,
  tls: true,
  strategy: true,
  adopted: true,
  version: true,
  lastRotation: true,
});
/** `address`: `addressOf` the database; `marks`: by which the engine knows each line again. */
const acceptedHere = z.object({ address: z.string(), marks: z.array(z.string()) });
const counters = z.object({ epoch: z.int(), version: z.int() });
/** Settings of one agent, which go with it. */
const keptOfAgent = ['leaving-slots', 'given-up', 'rest', 'last-known', 'accepted-hba-lines', 'known-address'];
export type LocalConnection = z.infer<typeof localConnection>;

export interface RegisteredAgent {
  readonly secretId: string;
  readonly vaultId: string;
  readonly running: boolean;
  /** Null: the vault keeps the connection. */
  readonly connection: LocalConnection | null;
  /** How it rested when a person was last needed, so that a restart of the daemon does not hide it. */
  readonly rest?: KeptRest | undefined;
  /** What was known of it when the daemon ended. */
  readonly lastKnown?: LastKnown | undefined;
}

export type KeptRest = z.infer<typeof keptRest>;
export type LastKnown = z.infer<typeof lastKnown>;
export type AcceptedHere = z.infer<typeof acceptedHere>;

interface StoredAgent {
  readonly secret_id: string;
  readonly vault_id: string;
  readonly running: number;
  readonly connection: string | null;
  readonly key_id: string | null;
  readonly sealed: Uint8Array | null;
}

export class AgentRegistry {
  readonly #database: Database.Database;

  /** Throws CatalogueError `registry-unavailable`. */
  constructor(path: string) {
    this.#database = guarded(() => openRegistry(path));
  }

  close(): void {
    this.#database.close();
  }

  /** Made once and kept: the vault knows a daemon's claims by it, also after a restart. */
  daemonId(make: () => string): string {
    return guarded(() => {
      const found = this.#database.prepare<[], { value: string }>(`SELECT value FROM setting WHERE name = 'daemon-id'`).get();
      if (found !== undefined) return found.value;
      const made = make();
      this.#database.prepare(`INSERT INTO setting VALUES ('daemon-id', ?)`).run(made);
      return made;
    });
  }

  /** Claims and versions of a secret at a vault that counts neither (published protocol). */
  counters(secretId: string): Counters {
    const found = this.#setting(`counters/${secretId}`);
    return found === null ? { epoch: 0, version: 1 } : counters.parse(JSON.parse(found));
  }

  setCounters(secretId: string, value: Counters): void {
    this.#set(`counters/${secretId}`, JSON.stringify(value));
  }

  /** Whether login slots are to be dropped once the way back to the owner is retired. */
  isLeavingSlots(secretId: string): boolean {
    return this.#setting(`leaving-slots/${secretId}`) !== null;
  }

  setLeavingSlots(secretId: string, isLeaving: boolean): void {
    this.#set(`leaving-slots/${secretId}`, isLeaving ? '1' : null);
  }

  /** The rotation of an adoption that a person has given up; a word that outlives the process. */
  givenUp(secretId: string): string | null {
    return this.#setting(`given-up/${secretId}`);
  }

  setGivenUp(secretId: string, rotationId: string | null): void {
    this.#set(`given-up/${secretId}`, rotationId);
  }

  /** What a person has accepted of what pg_hba.conf says of the login slots, and where; null: nothing. */
  acceptedHba(secretId: string): AcceptedHere | null {
    const kept = this.#setting(`accepted-hba-lines/${secretId}`);
    return kept === null ? null : acceptedHere.parse(JSON.parse(kept));
  }

  setAcceptedHba(secretId: string, accepted: AcceptedHere | null): void {
    this.#set(`accepted-hba-lines/${secretId}`, accepted === null ? null : JSON.stringify(accepted));
  }

  /** Where the logins of an adopted secret are known to be, as known-address.ts writes it; null: nothing is known. */
  knownAddress(secretId: string): string | null {
    return this.#setting(`known-address/${secretId}`);
  }

  setKnownAddress(secretId: string, known: string | null): void {
    this.#set(`known-address/${secretId}`, known);
  }

  keepRest(secretId: string, rest: KeptRest | null): void {
    this.#set(`rest/${secretId}`, rest === null ? null : JSON.stringify(rest));
  }

  /** Writes only what differs from what is kept. */
  keepLastKnown(secretId: string, known: LastKnown): void {
    const name = `last-known/${secretId}`;
    const text = JSON.stringify(lastKnown.parse(known));
    if (this.#setting(name) !== text) this.#set(name, text);
  }

  /** Whether that vault was ever heard to speak /v2; never forgotten. */
  isKnownV2(vaultId: string): boolean {
    return this.#setting(`speaks-v2/${vaultId}`) !== null;
  }

  rememberV2(vaultId: string): void {
    this.#set(`speaks-v2/${vaultId}`, '1');
  }

  all(): readonly RegisteredAgent[] {
    const stored = guarded(() => this.#database.prepare<[], StoredAgent>('SELECT * FROM agent ORDER BY secret_id').all());
    return stored.map((one) => this.#registered(one));
  }

  find(secretId: string): RegisteredAgent | null {
    const stored = this.#stored(secretId);
    return stored === null ? null : this.#registered(stored);
  }

  /** Null where none is kept. Throws CatalogueError `identity-unusable` when another identity sealed it. */
  adminPassword(secretId: string, sealer: Sealer): SecretText | null {
    const stored = this.#stored(secretId);
    if (stored === null || stored.sealed === null) return null;
    try {
      return new SecretText(sealer.open(stored.sealed, placeOf(stored)));
    } catch (cause) {
      throw cause instanceof UnsealFailed ? sealedByAnother(stored.vault_id, cause) : cause;
    }
  }

  /** Adds or replaces; a null password keeps none here. */
  put(agent: RegisteredAgent, adminPassword: SecretText | null, sealer: Sealer): void {
    const place = { secret_id: agent.secretId, vault_id: agent.vaultId };
    const row: StoredAgent = {
      ...place,
      running: agent.running ? 1 : 0,
      connection: agent.connection === null ? null : JSON.stringify(agent.connection),
      key_id: adminPassword === null ? null : sealer.keyId,
      sealed: adminPassword === null ? null : sealer.seal(adminPassword.reveal(), placeOf(place)),
    };
    guarded(() =>
      this.#database
        .prepare('INSERT OR REPLACE INTO agent VALUES (@secret_id, @vault_id, @running, @connection, @key_id, @sealed)')
        .run(row),
    );
  }

  setRunning(secretId: string, running: boolean): void {
    guarded(() => this.#database.prepare('UPDATE agent SET running = ? WHERE secret_id = ?').run(running ? 1 : 0, secretId));
  }

  /** With all that was kept for it, but not what it counted: epochs never go back. */
  remove(secretId: string): void {
    guarded(() =>
      this.#database.transaction(() => {
        this.#database.prepare('DELETE FROM agent WHERE secret_id = ?').run(secretId);
        for (const kept of keptOfAgent) this.#set(`${kept}/${secretId}`, null);
      })(),
    );
  }

  /** Whether anything of this vault is sealed with that key. */
  holdsSealedWith(vaultId: string, keyId: string): boolean {
    return guarded(
      () => this.#database.prepare('SELECT 1 FROM agent WHERE vault_id = ? AND key_id = ? LIMIT 1').get(vaultId, keyId) !== undefined,
    );
  }

  /** Reseals all passwords of a vault in one transaction. */
  reseal(vaultId: string, from: Sealer, to: Sealer): void {
    guarded(() => {
      const rows = this.#database
        .prepare<[string], StoredAgent>('SELECT * FROM agent WHERE vault_id = ? AND sealed IS NOT NULL')
        .all(vaultId);
      const update = this.#database.prepare('UPDATE agent SET key_id = ?, sealed = ? WHERE secret_id = ?');
      this.#database.transaction(() => {
        for (const row of rows.filter((one) => one.key_id === from.keyId && one.sealed !== null)) {
          const plain = from.open(row.sealed ?? new Uint8Array(), placeOf(row));
          update.run(to.keyId, to.seal(plain, placeOf(row)), row.secret_id);
        }
      })();
    });
  }

  #registered(stored: StoredAgent): RegisteredAgent {
    const rest = this.#setting(`rest/${stored.secret_id}`);
    const known = this.#setting(`last-known/${stored.secret_id}`);
    return {
      ...registeredOf(stored),
      rest: rest === null ? undefined : keptRest.parse(JSON.parse(rest)),
      lastKnown: known === null ? undefined : lastKnown.parse(JSON.parse(known)),
    };
  }

  #setting(name: string): string | null {
    return guarded(() => {
      const read = this.#database.prepare<[string], string>('SELECT value FROM setting WHERE name = ?').pluck();
      return read.get(name) ?? null;
    });
  }

  /** Null: keeps it no more. */
  #set(name: string, value: string | null): void {
    guarded(() => {
      if (value === null) this.#database.prepare('DELETE FROM setting WHERE name = ?').run(name);
      else this.#database.prepare('INSERT OR REPLACE INTO setting VALUES (?, ?)').run(name, value);
    });
  }

  #stored(secretId: string): StoredAgent | null {
    return guarded(() => this.#database.prepare<[string], StoredAgent>('SELECT * FROM agent WHERE secret_id = ?').get(secretId) ?? null);
  }
}

function registeredOf(stored: StoredAgent): RegisteredAgent {
  return {
    secretId: stored.secret_id,
    vaultId: stored.vault_id,
    running: stored.running === 1,
    connection: stored.connection === null ? null : localConnection.parse(JSON.parse(stored.connection)),
  };
}

function placeOf(row: Pick<StoredAgent, 'secret_id' | 'vault_id'>): readonly string[] {
  return ['agent-admin-password', row.vault_id, row.secret_id];
}

function sealedByAnother(vaultId: string, cause: UnsealFailed): CatalogueError<'identity-unusable'> {
  return new CatalogueError('identity-unusable', { vaultId, why: 'a password here was sealed by another identity' }, { cause });
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw cause instanceof Database.SqliteError ? new CatalogueError('registry-unavailable', { reason: cause.code }, { cause }) : cause;
  }
}
