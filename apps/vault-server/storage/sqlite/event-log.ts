/**
 * Events: facts about committed changes, appended in the transaction that makes the change. One process writes this
 * store, one transaction at a time, so positions are in commit order.
 */
import type { EventPage, MachineState, StoredEvent } from '../records.ts';
import type { Database } from './database.ts';

export interface NewEvent {
  readonly kind: StoredEvent['kind'];
  readonly secretId: string;
  /** Only for this machine, whatever it is granted now (it lost its access, say). */
  readonly machineId?: string;
  readonly rotationId?: string;
  readonly version?: number;
  readonly outcome?: 'retired' | 'rejected';
}

interface EventRow {
  readonly position: number;
  readonly kind: StoredEvent['kind'];
  readonly secretId: string;
  readonly machineId: string | null;
  readonly rotationId: string | null;
  readonly version: number | null;
  readonly outcome: 'retired' | 'rejected' | null;
}

interface Stream {
  readonly stream: string;
  readonly oldest: number;
}

export class EventLog {
  readonly #insert;
  readonly #newest;
  readonly #stream;
  readonly #after;
  readonly #state;
  readonly #mayRotate;
  readonly #mayRead;
  readonly #oldEvents;
  readonly #deleteUpTo;
  readonly #setOldest;

  constructor(db: Database) {
    this.#insert = db.prepare(
      'INSERT INTO events (at, kind, secret_id, machine_id, rotation_id, version, outcome) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#newest = db.prepare<[], number>("SELECT seq FROM sqlite_sequence WHERE name = 'events'").pluck();
    this.#stream = db.prepare<[], Stream>('SELECT event_stream AS stream, oldest_event AS oldest FROM vault');
    this.#after = db.prepare<[number, number], EventRow>(
      `SELECT position, kind, secret_id AS secretId, machine_id AS machineId, rotation_id AS rotationId, version, outcome
       FROM events WHERE position > CAST(? AS INTEGER) ORDER BY position LIMIT ?`,
    );
    this.#state = db.prepare<[string], MachineState>('SELECT state FROM machines WHERE machine_id = ?').pluck();
    this.#mayRotate = db
      .prepare<[string, string], number>("SELECT 1 FROM grants WHERE machine_id = ? AND secret_id = ? AND permission = 'rotate'")
      .pluck();
    this.#mayRead = db.prepare<[string, string], number>('SELECT 1 FROM grants WHERE machine_id = ? AND secret_id = ? LIMIT 1').pluck();
    this.#oldEvents = db
      .prepare<[number, number], number | null>(
        'SELECT max(position) FROM (SELECT position FROM events WHERE at < ? ORDER BY position LIMIT ?)',
      )
      .pluck();
    this.#deleteUpTo = db.prepare<[number]>('DELETE FROM events WHERE position <= ?');
    this.#setOldest = db.prepare<[number]>('UPDATE vault SET oldest_event = ?');
  }

  append(now: number, event: NewEvent): void {
    this.#insert.run(
      now,
      event.kind,
      event.secretId,
      event.machineId ?? null,
      event.rotationId ?? null,
      event.version ?? null,
      event.outcome ?? null,
    );
  }

  cursor(): string {
    return this.#cursorAt(this.#newest.get() ?? 0);
  }

  /** See TickOperations.eventsAfter. */
  page(machineId: string, cursor: string, limit: number): EventPage {
    const state = this.#state.get(machineId);
    if (state !== 'approved') return { kind: 'stopped', state: state ?? 'unknown' };
    const position = this.#positionOf(cursor);
    if (position === null) return { kind: 'reset', cursor: this.cursor() };
    const rows = this.#after.all(position, limit);
    const events = rows.filter((row) => this.#maySee(machineId, row)).map((row) => this.#toEvent(row));
    return { kind: 'events', events, cursor: this.#cursorAt(rows.at(-1)?.position ?? position), more: rows.length === limit };
  }

  /** Forgets events made before `before`, at most `limit` of them; cursors behind them are answered with a reset. */
  prune(before: number, limit: number): number {
    const last = this.#oldEvents.get(before, limit);
    if (last === undefined || last === null) return 0;
    this.#setOldest.run(last);
    return this.#deleteUpTo.run(last).changes;
  }

  #cursorAt(position: number): string {
    return `${this.#stream.get()?.stream ?? 'stream'}.${position}`;
  }

  /** Null where the cursor is of another stream (a restored store), ahead of this one, or too old. */
  #positionOf(cursor: string): number | null {
    const found = this.#stream.get();
    const [stream, digits, ...rest] = cursor.split('.');
    if (found === undefined || stream !== found.stream || digits === undefined || rest.length > 0 || !/^\d{1,15}$/.test(digits))
      return null;
    const position = Number(digits);
    return position < found.oldest || position > (this.#newest.get() ?? 0) ? null : position;
  }

  #maySee(machineId: string, row: EventRow): boolean {
    if (row.machineId !== null) return row.machineId === machineId;
    const allowed = row.kind === 'secret-changed' ? this.#mayRead : this.#mayRotate;
    return allowed.get(machineId, row.secretId) !== undefined;
  }

  #toEvent(row: EventRow): StoredEvent {
    const { kind, secretId } = row;
    const cursor = this.#cursorAt(row.position);
    const rotationId = row.rotationId ?? '';
    switch (kind) {
      case 'secret-changed':
        return { kind, cursor, secretId, version: row.version ?? 1 };
      case 'secret-deleted':
      case 'access-lost':
      case 'access-granted':
        return { kind, cursor, secretId };
      case 'rotation-offered':
      case 'drain-clear':
        return { kind, cursor, secretId, rotationId };
      case 'rotation-ended':
        return { kind, cursor, secretId, rotationId, outcome: row.outcome ?? 'retired' };
      default:
        return kind satisfies never;
    }
  }
}
