/** The administrator's connection for looking: it changes nothing, waits for nobody long, and runs nobody else's code. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { PostgresqlEngineConfig } from './config.ts';
import { type Connection, connect } from './connect.ts';
import { adminTarget } from './fence.ts';

const observerApplicationName = 'sikkerkey-observer';

/**
 * Names resolve in the catalogue only: whoever may create functions in a schema of the usual search_path could otherwise
 * have one of theirs called in the place of the server's own, with the administrator's rights.
 */
const observerSettings = `
  SET search_path = pg_catalog;
  SET standard_conforming_strings = on;
  SET default_transaction_read_only = on;
  SET lock_timeout = '5s';
  SET statement_timeout = '10s'`;

/** Throws EngineFailure. */
export async function connectAsObserver(config: PostgresqlEngineConfig, clock: Clock, signal: AbortSignal): Promise<Connection> {
  const connection = await connect(adminTarget(config, observerApplicationName), clock, signal);
  try {
    await connection.script(observerSettings, signal);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}
