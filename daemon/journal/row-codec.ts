/** A journal row as it stands on disk, and back. Only the credentials are sealed; the rest says what is going on. */
import type { Credential, JournalRow, Versions } from '@sikkerkey/core/rotation/types.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import * as z from 'zod';
import { type Sealer, UnsealFailed } from './sealing.ts';

export interface StoredRow {
  readonly vault_id: string;
  readonly secret_id: string;
  readonly rotation_id: string | null;
  readonly epoch: number;
  readonly strategy: string;
  readonly goal: string;
  readonly versions: string;
  readonly server_fingerprint: string | null;
  readonly key_id: string;
  readonly sealed: Uint8Array;
}

const versionRef = z.object({ version: z.int(), slot: z.enum(['owner', 'a', 'b']) });
const versions = z.object({
  live: versionRef,
  pending: versionRef.nullable(),
  previous: versionRef.nullable(),
  retired: z.array(versionRef).exactOptional(),
});
const strategy = z.enum(['flip', 'single', 'retain']);
const goal = z.enum(['apply', 'confirm', 'drain', 'retire', 'undo', 'repair', 'repair-while-draining']);
const credentials = z.array(z.object({ version: z.int(), username: z.string(), password: z.string() }));

/** Binds the sealed part to vault, secret, rotation and epoch. */
function placeOf(row: Pick<StoredRow, 'vault_id' | 'secret_id' | 'rotation_id' | 'epoch'>): readonly string[] {
  return ['journal-row', row.vault_id, row.secret_id, row.rotation_id ?? '', String(row.epoch)];
}

export function storedRowOf(vaultId: string, row: JournalRow, sealer: Sealer): StoredRow {
  const place = { vault_id: vaultId, secret_id: row.secretId, rotation_id: row.rotationId, epoch: row.epoch };
  const plain = [...row.credentials].map(([version, one]) => ({ version, username: one.username, password: one.password.reveal() }));
  return {
    ...place,
    strategy: row.strategy,
    goal: row.goal,
    versions: JSON.stringify(row.versions),
    server_fingerprint: row.serverFingerprint,
    key_id: sealer.keyId,
    sealed: sealer.seal(JSON.stringify(plain), placeOf(place)),
  };
}

/** Throws UnsealFailed for what this identity did not seal, ZodError for what is no row. */
export function journalRowOf(stored: StoredRow, sealer: Sealer): JournalRow {
  if (stored.key_id !== sealer.keyId) throw new UnsealFailed('another key');
  const opened = credentials.parse(JSON.parse(sealer.open(stored.sealed, placeOf(stored))));
  const read: Versions = versions.parse(JSON.parse(stored.versions));
  return {
    secretId: stored.secret_id,
    rotationId: stored.rotation_id,
    epoch: stored.epoch,
    strategy: strategy.parse(stored.strategy),
    goal: goal.parse(stored.goal),
    versions: read,
    credentials: new Map(opened.map((one): [number, Credential] => [one.version, credentialOf(one.username, one.password)])),
    serverFingerprint: stored.server_fingerprint,
  };
}

/** The same row under another key. Throws UnsealFailed. */
export function resealed(stored: StoredRow, from: Sealer, to: Sealer): StoredRow {
  const place = placeOf(stored);
  return { ...stored, key_id: to.keyId, sealed: to.seal(from.open(stored.sealed, place), place) };
}

function credentialOf(username: string, password: string): Credential {
  return { username, password: new SecretText(password) };
}
