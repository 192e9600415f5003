/**
 * Loaded before the vault's program (`node --import 'store-faults.ts?fault=…'`): its disk fails, or it is killed, at the
 * commit or at the audit checkpoint behind it. The program itself is the real one, and so are its files.
 */
import { writeFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import Sqlite from 'better-sqlite3';

export type StoreFault =
  | 'killed before the commit'
  | 'killed after the commit'
  | 'killed at the checkpoint'
  | 'checkpoint fails'
  | 'commit fails'
  /** As where the flush of the log fails: this connection does not see what it wrote, whoever opens the store next does. */
  | 'commit fails and stays'
  | 'commit fails and stays, killed when the store is closed';

inject(new URL(import.meta.url).searchParams.get('fault') as StoreFault);

function inject(fault: StoreFault): void {
  switch (fault) {
    case 'killed before the commit':
      atCommit(killed);
      break;
    case 'killed after the commit':
      atCommit((_, commit) => {
        commit();
        killed();
      });
      break;
    case 'killed at the checkpoint':
      atCheckpoint(killed);
      break;
    case 'checkpoint fails':
      atCheckpoint(diskFull);
      break;
    case 'commit fails':
      atCommit(failedCommit);
      break;
    case 'commit fails and stays':
      leaveFailedCommits(() => undefined);
      break;
    case 'commit fails and stays, killed when the store is closed':
      leaveFailedCommits(killed);
      break;
    default:
      throw new RangeError(`no such fault: ${fault satisfies never}`);
  }
}

function killed(): void {
  process.kill(process.pid, 'SIGKILL');
}

function diskFull(): never {
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
}

/** The commits of the store's operations; those of migrations do not pass here. */
function atCommit(happens: (db: Sqlite.Database, commit: () => void) => void): void {
  const { exec } = Sqlite.prototype;
  Sqlite.prototype.exec = function (statements) {
    if (statements === 'COMMIT') happens(this, () => exec.call(this, statements));
    else exec.call(this, statements);
    return this;
  };
}

/** SQLite ends the transaction of a commit whose flush the system refused. */
function failedCommit(db: Sqlite.Database): never {
  db.exec('ROLLBACK');
  throw new Sqlite.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC');
}

/** Every commit fails; what the last one was to write is in the file from the closing of its connection on. */
function leaveFailedCommits(afterClosing: () => void): void {
  const left = new Map<Sqlite.Database, Buffer>();
  atCommit((db) => {
    left.set(db, db.serialize());
    failedCommit(db);
  });
  const { close } = Sqlite.prototype;
  Sqlite.prototype.close = function () {
    close.call(this);
    const content = left.get(this);
    if (content === undefined) return this;
    left.delete(this);
    writeFileSync(this.name, content);
    afterClosing();
    return this;
  };
}

function atCheckpoint(happens: () => void): void {
  const { open } = promises;
  const opening: typeof open = async (path, ...rest) => {
    const file = await open(path, ...rest);
    if (basename(String(path)) === 'audit-checkpoints') Object.assign(file, { appendFile: async () => happens() });
    return file;
  };
  Object.assign(promises, { open: opening });
  syncBuiltinESMExports();
}
