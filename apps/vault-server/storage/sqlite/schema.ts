/**
 * The numbered migrations of the SQLite store. One that was released is never changed; a new one is added below it.
 * Times are integer milliseconds; ids are text; sealed values and MACs are blobs. No value in clear is in any column.
 */
import { firstForm } from './first-form.ts';

export interface Migration {
  readonly number: number;
  readonly statements: string;
}

/** Which machine a token made, so that the one whose answer was lost can be told again. */
const enrolledMachines = `
ALTER TABLE bootstrap_tokens ADD COLUMN machine_id TEXT REFERENCES machines;
`;

/**
 * Who holds a version, by kind: a process until it acknowledges; what a machine printed on its command lines, and what its
 * published clients read, as one row each, since nobody ever acknowledges those.
 */
const kindsOfHolds = `
CREATE TABLE holds_by_kind (
  secret_id TEXT NOT NULL REFERENCES secrets,
  version INTEGER NOT NULL,
  machine_id TEXT NOT NULL REFERENCES machines,
  kind TEXT NOT NULL CHECK (kind IN ('process', 'command-line', 'published')),
  instance TEXT NOT NULL,
  pool TEXT NOT NULL,
  since INTEGER NOT NULL,
  last_read_at INTEGER NOT NULL,
  reads INTEGER NOT NULL,
  held_until INTEGER,
  PRIMARY KEY (secret_id, version, machine_id, kind, instance, pool)
) STRICT, WITHOUT ROWID;
INSERT INTO holds_by_kind SELECT secret_id, version, machine_id, CASE instance WHEN '' THEN 'published' ELSE 'process' END, instance, pool,
  since, since, 1, NULL FROM holds;
DROP TABLE holds;
ALTER TABLE holds_by_kind RENAME TO holds;
CREATE INDEX holds_by_instance ON holds (machine_id, instance);
CREATE INDEX holds_ending ON holds (held_until) WHERE held_until IS NOT NULL;
`;

/**
 * Drains, holds and sealed values end at an age of the vault, not at a time of the wall clock (managed/vault-age.ts). What
 * ran when this came gets its whole time again, counted from there. And which nonces are forgotten is remembered: all before the
 * oldest that is kept, and not yet those of the last eleven minutes.
 */
const vaultAge = `
ALTER TABLE vault ADD COLUMN age_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE vault ADD COLUMN age_counted_at INTEGER NOT NULL DEFAULT 0;

ALTER TABLE rotations RENAME COLUMN drain_deadline_at TO drain_ends_at_age;
UPDATE rotations SET drain_ends_at_age = (SELECT m.drain_deadline_ms FROM managed m WHERE m.secret_id = rotations.secret_id)
  WHERE drain_ends_at_age IS NOT NULL;
UPDATE rotations SET drain_announced = 0 WHERE state = 'promoted' AND retire_now = 0;
DROP INDEX rotations_drains;
CREATE INDEX rotations_drains ON rotations (drain_ends_at_age) WHERE state = 'promoted';

ALTER TABLE holds RENAME COLUMN held_until TO held_until_age;
UPDATE holds SET held_until_age = max(0, held_until_age - since) WHERE held_until_age IS NOT NULL;

ALTER TABLE versions RENAME COLUMN forget_at TO forget_at_age;
UPDATE versions SET forget_at_age = coalesce(
    (SELECT m.backup_horizon_ms FROM managed m WHERE m.secret_id = versions.secret_id), 30 * 86400000)
  WHERE forget_at_age IS NOT NULL;

CREATE TABLE forgotten_nonces (
  from_at INTEGER PRIMARY KEY,
  to_at INTEGER NOT NULL
) STRICT;
INSERT INTO forgotten_nonces
  SELECT 0, min(min(expires_at) - 1, max(expires_at) - 660000) FROM nonces HAVING count(*) > 0;
`;

/** Beside when a caller was seen last, from where: known also to a vault that was started anew while an address is locked out. */
const whereSeen = `
ALTER TABLE machines ADD COLUMN last_seen_address TEXT;
ALTER TABLE operators ADD COLUMN last_seen_at INTEGER;
ALTER TABLE operators ADD COLUMN last_seen_address TEXT;
`;

/** At which age a drain began, since its end may be put off only so far. What ran when this came is taken to end after its own length. */
const beginningOfDrains = `
ALTER TABLE rotations ADD COLUMN drains_since_age INTEGER;
UPDATE rotations SET drains_since_age =
    drain_ends_at_age - (SELECT m.drain_deadline_ms FROM managed m WHERE m.secret_id = rotations.secret_id)
  WHERE drain_ends_at_age IS NOT NULL;
`;

/**
 * By which time the request was signed that a machine was seen by, and by which times proven requests were refused for them
 * last: of a clock that lags, and of one that is ahead; and when that was. Where it was seen is asked by nobody any more.
 */
const signedTimes = `
ALTER TABLE machines ADD COLUMN seen_signed_at INTEGER;
ALTER TABLE machines ADD COLUMN refused_behind_at INTEGER;
ALTER TABLE machines ADD COLUMN refused_ahead_at INTEGER;
ALTER TABLE machines ADD COLUMN refused_at INTEGER;
ALTER TABLE machines DROP COLUMN last_seen_address;
ALTER TABLE operators DROP COLUMN last_seen_address;
`;

export const migrations: readonly Migration[] = [
  { number: 1, statements: firstForm },
  { number: 2, statements: enrolledMachines },
  { number: 3, statements: kindsOfHolds },
  { number: 4, statements: vaultAge },
  { number: 5, statements: 'ALTER TABLE operators ADD COLUMN disabled_at INTEGER' },
  { number: 6, statements: whereSeen },
  { number: 7, statements: beginningOfDrains },
  { number: 8, statements: signedTimes },
];
