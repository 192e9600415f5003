/**
 * Before a login is opened: pg_hba.conf may have changed since somebody last looked, and names in it often follow the login
 * that was live then. Verification only proves the way in from here, so the lines are compared once more.
 */
import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import { type PostgresqlEngineConfig, roleOfSlot } from './config.ts';
import type { Connection } from './connect.ts';
import { hbaDifferences } from './hba.ts';
import { readHbaRules } from './hba-rules.ts';

/** Throws EngineFailure `hba-differs-for-slots` where a login that is not open yet would be treated otherwise than those in use. */
export async function refuseOtherWayIn(
  connection: Connection,
  next: string,
  config: PostgresqlEngineConfig,
  signal: AbortSignal,
): Promise<void> {
  if (config.acceptsHba === true) return;
  const { owner } = config;
  const logins = await connection.query<{ name: string; open: boolean }>(
    'SELECT rolname::text AS name, rolcanlogin AS open FROM pg_catalog.pg_roles WHERE rolname = ANY($1::text[])',
    [[owner, roleOfSlot(owner, 'a'), roleOfSlot(owner, 'b')]],
    signal,
  );
  const inUse = logins.filter(({ open }) => open).map(({ name }) => name);
  if (inUse.includes(next)) return;
  const rules = await readHbaRules(connection, config, signal);
  const [difference] = rules === null ? [] : hbaDifferences(rules, inUse, [next]);
  if (difference !== undefined) throw new EngineFailure('needs-person', 'hba-differs-for-slots', { details: { ...difference } });
}
