/** Where log lines go: standard output in the foreground, else a file for its user alone that starts anew when it is large. */
import { renameSync, statSync } from 'node:fs';
import pino from 'pino';

const maxLogBytes = 10 * 1_048_576;

/** Null: standard output. One earlier file is kept as `PATH.1`. Lines are written at once, so that a kill loses none. */
export function openLogDestination(path: string | null): pino.DestinationStream {
  if (path === null) return pino.destination({ dest: 1, sync: true });
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && found.size > maxLogBytes) renameSync(path, `${path}.1`);
  return pino.destination({ dest: path, sync: true, append: true, mode: 0o600 });
}
