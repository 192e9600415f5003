/**
 * Whether two addresses lead to one running server. A copy of a data directory carries the identity of its original, so
 * what is compared is alive: a session that was opened at the one is seen at the other, or it is not.
 */
import type { EngineDependencies, PostgresqlEngineConfig } from './config.ts';
import { connect } from './connect.ts';
import { adminTarget } from './fence.ts';
import { connectAsObserver } from './observer.ts';

/** Reads only. False also where the other address hides foreign sessions. Throws EngineFailure where one gives no session. */
export async function isOneServer(
  one: PostgresqlEngineConfig,
  other: PostgresqlEngineConfig,
  { clock, random }: EngineDependencies,
  signal: AbortSignal,
): Promise<boolean> {
  const name = `sikkerkey-same/${Buffer.from(random.bytes(16)).toString('hex')}`;
  const named = await connect(adminTarget(one, name), clock, signal);
  try {
    // Behind a pooler only a statement brings the name to the server.
    await named.query('SELECT 1', [], signal);
    const observer = await connectAsObserver(other, clock, signal);
    try {
      const seen = await observer.query('SELECT 1 FROM pg_stat_activity WHERE application_name = $1', [name], signal);
      return seen.length === 1;
    } finally {
      await observer.close();
    }
  } finally {
    await named.close();
  }
}
