/** Who still uses a login, as far as the server shows it to this administrator. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { HoldOut } from '@sikkerkey/core/rotation/ports.ts';
import type { Slot } from '@sikkerkey/core/rotation/types.ts';
import { type PostgresqlEngineConfig, roleOfSlot } from './config.ts';
import { connectAsObserver } from './observer.ts';
import { probeApplicationName } from './probe.ts';

export interface DatabaseSession {
  readonly pid: number;
  readonly applicationName: string;
  /** Null where the server hides it (no pg_read_all_stats) and for local sockets. */
  readonly clientAddress: string | null;
  /** Milliseconds since login by the server's clock; null where it is hidden. */
  readonly ageMs: number | null;
}

/** Sessions of one login, without our own probes. Throws EngineFailure. */
export async function listSessions(
  config: PostgresqlEngineConfig,
  slot: Slot,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly DatabaseSession[]> {
  const connection = await connectAsObserver(config, clock, signal);
  try {
    return await connection.query<DatabaseSession & Record<string, unknown>>(
      `SELECT pid, left(regexp_replace(application_name, '[^[:print:]]', '?', 'g'), 63) AS "applicationName",
              host(client_addr) AS "clientAddress",
              (extract(epoch FROM clock_timestamp() - backend_start) * 1000)::float8 AS "ageMs"
         FROM pg_catalog.pg_stat_activity
        WHERE usename = $1 AND (backend_type IS NULL OR backend_type = 'client backend')
          AND application_name <> '${probeApplicationName}'
        ORDER BY pid`,
      [roleOfSlot(config.owner, slot)],
      signal,
    );
  } finally {
    await connection.close();
  }
}

/** The same, grouped by program and address, the most sessions first. */
export function holdOutsOf(sessions: readonly DatabaseSession[]): readonly HoldOut[] {
  const counts = new Map<string, number>();
  for (const { applicationName, clientAddress } of sessions) {
    const name = `${applicationName === '' ? 'unnamed program' : applicationName} @ ${clientAddress ?? 'address not shown'}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const holdOuts = [...counts].map(([name, count]): HoldOut => ({ kind: 'session', name, count }));
  return holdOuts.sort((one, other) => other.count - one.count || one.name.localeCompare(other.name));
}
