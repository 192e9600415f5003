/**
 * Which secrets this host serves and how it reaches their databases. Its own file beside the journal, so that a broken
 * journal leaves the heartbeats their list. Administrator passwords are sealed like the journal's rows.
 */
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { tlsMode } from '@sikkerkey/protocol/vault/shapes.ts';
import Database from 'better-sqlite3';
import * as z from 'zod';
import { type Sealer, UnsealFailed } from '../journal/sealing.ts';
import type { Counters } from '../vault-link/published-vault.ts';

const schemaVersion = 1;
const schema = `
  CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE agent (
    secret_id TEXT PRIMARY KEY,
    vault_id TEXT NOT NULL,
    running INTEGER NOT NULL,
    connection TEXT,
    key_id TEXT,
    sealed BLOB
  ) STRICT, WITHOUT ROWID;
`;

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
const counters = z.object({ epoch: z.int(), version: z.int() });
export type LocalConnection = z.infer<typeof localConnection>;

export interface RegisteredAgent {
  readonly secretId: string;
  readonly vaultId: string;
  readonly running: boolean;
  /** Null: the vault keeps the connection. */
  readonly connection: LocalConnection | null;
}

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
    return guarded(() => {
      const found = this.#database
        .prepare<[string], { value: string }>('SELECT value FROM setting WHERE name = ?')
        .get(`counters/${secretId}`);
      return found === undefined ? { epoch: 0, version: 1 } : counters.parse(JSON.parse(found.value));
    });
  }

  setCounters(secretId: string, value: Counters): void {
    const row = [`counters/${secretId}`, JSON.stringify(value)];
    guarded(() => void this.#database.prepare('INSERT OR REPLACE INTO setting VALUES (?, ?)').run(...row));
  }

  /** Whether login slots are to be dropped once the way back to the owner is retired. */
  isLeavingSlots(secretId: string): boolean {
    return guarded(() => this.#database.prepare('SELECT 1 FROM setting WHERE name = ?').get(`leaving-slots/${secretId}`) !== undefined);
  }

  setLeavingSlots(secretId: string, isLeaving: boolean): void {
    const name = `leaving-slots/${secretId}`;
    guarded(() => {
      if (isLeaving) this.#database.prepare(`INSERT OR REPLACE INTO setting VALUES (?, '1')`).run(name);
      else this.#database.prepare('DELETE FROM setting WHERE name = ?').run(name);
    });
  }

  /** Whether that vault was ever heard to speak /v2; never forgotten. */
  isKnownV2(vaultId: string): boolean {
    return guarded(() => this.#database.prepare('SELECT 1 FROM setting WHERE name = ?').get(`speaks-v2/${vaultId}`) !== undefined);
  }

  rememberV2(vaultId: string): void {
    guarded(() => void this.#database.prepare(`INSERT OR REPLACE INTO setting VALUES (?, '1')`).run(`speaks-v2/${vaultId}`));
  }

  all(): readonly RegisteredAgent[] {
    return guarded(() => this.#database.prepare<[], StoredAgent>('SELECT * FROM agent ORDER BY secret_id').all().map(registeredOf));
  }

  find(secretId: string): RegisteredAgent | null {
    const stored = this.#stored(secretId);
    return stored === null ? null : registeredOf(stored);
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

  remove(secretId: string): void {
    guarded(() => this.#database.prepare('DELETE FROM agent WHERE secret_id = ?').run(secretId));
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

  #stored(secretId: string): StoredAgent | null {
    return guarded(() => this.#database.prepare<[string], StoredAgent>('SELECT * FROM agent WHERE secret_id = ?').get(secretId) ?? null);
  }
}

function openRegistry(path: string): Database.Database {
  const database = new Database(path, { timeout: 2_000 });
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('secure_delete = ON');
  if (database.pragma('user_version', { simple: true }) === 0) {
    database.transaction(() => {
      database.exec(schema);
      database.pragma(`user_version = ${schemaVersion}`);
    })();
  }
  return database;
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
