/** The store as its first migration makes it. Released, so it is never changed: what came later is in the migrations after it (schema.ts). */
export const firstForm = `
CREATE TABLE vault (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  vault_id TEXT NOT NULL,
  node TEXT NOT NULL,
  event_stream TEXT NOT NULL,
  oldest_event INTEGER NOT NULL,
  verifier BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE projects (
  project_id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  wrapped_key BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE machines (
  machine_id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  hostname TEXT NOT NULL,
  public_key BLOB NOT NULL,
  fingerprint TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'disabled')),
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER
) STRICT;

CREATE TABLE members (
  machine_id TEXT NOT NULL REFERENCES machines,
  project_id TEXT NOT NULL REFERENCES projects,
  PRIMARY KEY (machine_id, project_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_project ON members (project_id);

CREATE TABLE operators (
  operator_id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  public_key BLOB NOT NULL,
  fingerprint TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE bootstrap_tokens (
  sha256 BLOB PRIMARY KEY,
  project_ids TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
  secret_id TEXT PRIMARY KEY,
  project_id TEXT NOT NULL REFERENCES projects,
  name TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('plain', 'structured', 'managed')),
  live_version INTEGER NOT NULL,
  last_version INTEGER NOT NULL,
  field_names TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX secrets_by_name ON secrets (project_id, name) WHERE deleted_at IS NULL;

CREATE TABLE versions (
  secret_id TEXT NOT NULL REFERENCES secrets,
  version INTEGER NOT NULL,
  label TEXT NOT NULL CHECK (label IN ('pending', 'current', 'previous', 'retired', 'quarantined', 'superseded')),
  slot TEXT CHECK (slot IN ('owner', 'a', 'b')),
  username TEXT,
  field_names TEXT,
  sealed BLOB,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  forget_at INTEGER,
  PRIMARY KEY (secret_id, version)
) STRICT;
CREATE INDEX versions_to_forget ON versions (forget_at) WHERE forget_at IS NOT NULL;

CREATE TABLE grants (
  machine_id TEXT NOT NULL REFERENCES machines,
  secret_id TEXT NOT NULL REFERENCES secrets,
  permission TEXT NOT NULL CHECK (permission IN ('read', 'rotate')),
  PRIMARY KEY (machine_id, secret_id, permission)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_by_secret ON grants (secret_id);

CREATE TABLE managed (
  secret_id TEXT PRIMARY KEY REFERENCES secrets,
  provider TEXT NOT NULL,
  strategy TEXT NOT NULL CHECK (strategy IN ('flip', 'single')),
  owner TEXT NOT NULL,
  adopted INTEGER NOT NULL DEFAULT 0,
  host TEXT NOT NULL,
  port INTEGER NOT NULL,
  database TEXT NOT NULL,
  tls TEXT NOT NULL,
  admin_user TEXT,
  sealed_admin BLOB,
  interval_ms INTEGER,
  next_rotation_at INTEGER,
  drain_deadline_ms INTEGER NOT NULL,
  backup_horizon_ms INTEGER NOT NULL,
  password_length INTEGER NOT NULL,
  epoch INTEGER NOT NULL DEFAULT 0,
  claim_machine TEXT,
  claim_daemon TEXT,
  claim_expires_at INTEGER,
  published_machine TEXT,
  published_at INTEGER,
  error_code TEXT
) STRICT;
CREATE INDEX managed_due ON managed (next_rotation_at) WHERE next_rotation_at IS NOT NULL;
CREATE INDEX managed_claims ON managed (claim_expires_at) WHERE claim_expires_at IS NOT NULL;

CREATE TABLE rotations (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  rotation_id TEXT NOT NULL UNIQUE,
  secret_id TEXT NOT NULL REFERENCES secrets,
  purpose TEXT NOT NULL CHECK (purpose IN ('rotate', 'adopt', 'unadopt')),
  state TEXT NOT NULL CHECK (state IN ('waiting-for-drain', 'pending', 'promoted', 'retired', 'rejected')),
  version INTEGER,
  slot TEXT,
  previous_version INTEGER,
  epoch INTEGER NOT NULL DEFAULT 0,
  ever_claimed INTEGER NOT NULL DEFAULT 0,
  published_at INTEGER,
  requested_at INTEGER NOT NULL,
  requested_by TEXT NOT NULL,
  promoted_at INTEGER,
  drain_deadline_at INTEGER,
  retire_now INTEGER NOT NULL DEFAULT 0,
  drain_announced INTEGER NOT NULL DEFAULT 0,
  ended_at INTEGER,
  error_code TEXT
) STRICT;
CREATE INDEX rotations_by_secret ON rotations (secret_id, number);
CREATE UNIQUE INDEX rotations_one_active ON rotations (secret_id) WHERE state IN ('pending', 'promoted');
CREATE UNIQUE INDEX rotations_one_waiting ON rotations (secret_id) WHERE state = 'waiting-for-drain';
CREATE INDEX rotations_drains ON rotations (drain_deadline_at) WHERE state = 'promoted' AND drain_announced = 0;

CREATE TABLE rotation_aliases (
  alias TEXT PRIMARY KEY,
  rotation_id TEXT NOT NULL REFERENCES rotations (rotation_id),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_by_rotation ON rotation_aliases (rotation_id, created_at);

CREATE TABLE holds (
  secret_id TEXT NOT NULL REFERENCES secrets,
  version INTEGER NOT NULL,
  machine_id TEXT NOT NULL REFERENCES machines,
  instance TEXT NOT NULL,
  pool TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (secret_id, version, machine_id, instance, pool)
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_by_instance ON holds (machine_id, instance);

CREATE TABLE agents (
  secret_id TEXT NOT NULL,
  machine_id TEXT NOT NULL,
  daemon_id TEXT NOT NULL,
  state TEXT NOT NULL,
  rotation_id TEXT,
  version INTEGER,
  error_code TEXT,
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (secret_id, machine_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE fetched (
  machine_id TEXT NOT NULL,
  secret_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (machine_id, secret_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE nonces (
  number INTEGER PRIMARY KEY,
  hash INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE failed_authentications (
  number INTEGER PRIMARY KEY,
  address TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX failures_by_address ON failed_authentications (address, at);

CREATE TABLE address_locks (
  address TEXT PRIMARY KEY,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  secret_id TEXT NOT NULL,
  machine_id TEXT,
  rotation_id TEXT,
  version INTEGER,
  outcome TEXT
) STRICT;

CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,
  node TEXT NOT NULL,
  node_sequence INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT,
  outcome TEXT NOT NULL,
  detail TEXT,
  address TEXT,
  mac BLOB NOT NULL
) STRICT;
`;
