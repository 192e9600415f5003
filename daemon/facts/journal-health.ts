/** Shows whether the journal can be written, once for each change. */
import { JournalUnavailable } from '@sikkerkey/core/rotation/ports.ts';
import type { JournalFile } from '../journal/journal-file.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import type { StateStore } from './state-store.ts';

export function showJournalHealth(state: StateStore, log: DaemonLog, healthy: boolean, reason: string | null): void {
  const journal = healthy ? 'ok' : 'unavailable';
  if (state.daemon.journal === journal) return;
  log.error('journal-health', { state: journal, reason: reason ?? 'recovered' });
  state.setDaemon({ ...state.daemon, journal });
}

/** A journal that cannot be opened is shown; heartbeats go on without it, rotations do not begin. */
export function tryOpen(journalFile: JournalFile): void {
  try {
    journalFile.open();
  } catch {
    // Its health was reported through the callback; the next use tries again.
  }
}

/** What waits for the journal is done at a later start; its health was reported through the callback. */
export function unlessJournalUnavailable(error: unknown): void {
  if (!(error instanceof JournalUnavailable)) throw error;
}
