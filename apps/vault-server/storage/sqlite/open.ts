/** Opens the SQLite store: constructs its parts and connects them. */
import type { Random } from '@sikkerkey/core/random.ts';
import type { Storage } from '../storage.ts';
import { Abandonment } from './abandonment.ts';
import { Admission } from './admission.ts';
import { AgeRow } from './age-row.ts';
import { AuditLog } from './audit-log.ts';
import { Claims } from './claim-operations.ts';
import type { StoreContext } from './context.ts';
import { openDatabase } from './database.ts';
import { EventLog } from './event-log.ts';
import { GroupCommit } from './group-commit.ts';
import { Machines } from './machine-operations.ts';
import { NonceRegister } from './nonce-register.ts';
import { Operators } from './operator-operations.ts';
import { PublishedAgents } from './published-operations.ts';
import { Reads } from './read-operations.ts';
import { RotationAccess } from './rotation-access.ts';
import { RotationChanges } from './rotation-changes.ts';
import { Rotations } from './rotation-operations.ts';
import { Secrets } from './secret-operations.ts';
import { Tick } from './tick-operations.ts';
import { Vault } from './vault-operations.ts';

export interface SqliteStorageOptions {
  /** Path of the store's file; its directory is created private (0700) when it is missing. */
  readonly file: string;
  readonly random: Random;
  /** Called after each commit, when there may be new events. Must not throw. */
  readonly onCommit?: () => void;
}

/** Throws `vault-store-locked`, `vault-store-newer`, `vault-store-damaged`, `vault-disk-full`, `vault-store-failed`, UnsafePath, or the system's error. */
export async function openSqliteStorage(options: SqliteStorageOptions): Promise<Storage> {
  const { db, close } = await openDatabase(options.file);
  const audit = new AuditLog(db);
  const nonces = new NonceRegister(db);
  const commits = new GroupCommit(db, [audit, nonces], options.onCommit ?? (() => undefined));
  const admission = new Admission(db, nonces);
  const context: StoreContext = {
    db,
    random: options.random,
    commits,
    admission,
    nonces,
    age: new AgeRow(db),
    audit,
    events: new EventLog(db),
  };
  const changes = new RotationChanges(context);
  const managed = { ...context, changes, access: new RotationAccess(context, changes.rows) };
  return {
    ...new Vault(context),
    ...new Operators(context),
    ...new Machines(context),
    ...new Secrets(context, changes),
    ...new Reads(context, changes),
    ...new Claims(managed),
    ...new Rotations(managed),
    ...new Abandonment(managed),
    ...new PublishedAgents(managed),
    ...new Tick(context, changes),
    close: async () => {
      commits.close();
      close();
    },
  };
}
