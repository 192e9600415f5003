/**
 * Before a login is opened: pg_hba.conf may have changed since somebody last looked, and names in it often follow the login
 * that was live then. Verification only proves the way in from here, so the lines are compared once more.
 */
import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import { type PostgresqlEngineConfig, roleOfSlot } from './config.ts';
import type { Connection } from './connect.ts';
import { hbaObstacles } from './hba.ts';
import { readHbaLines } from './hba-rules.ts';

/**
 * Throws EngineFailure `hba-differs-for-slots`, `hba-line-goes-by-name` or `hba-line-broken` where a login that is not open
 * yet may be kept out although those in use are not, and no person has accepted it.
 */
export async function refuseOtherWayIn(
  connection: Connection,
  next: string,
  config: PostgresqlEngineConfig,
  signal: AbortSignal,
): Promise<void> {
  const { owner } = config;
  const logins = await connection.query<{ name: string; open: boolean }>(
    'SELECT rolname::text AS name, rolcanlogin AS open FROM pg_catalog.pg_roles WHERE rolname = ANY($1::text[])',
    [[owner, roleOfSlot(owner, 'a'), roleOfSlot(owner, 'b')]],
    signal,
  );
  const inUse = logins.filter(({ open }) => open).map(({ name }) => name);
  if (inUse.includes(next)) return;
  const lines = await readHbaLines(connection, config, signal);
  const obstacle = hbaObstacles(lines, inUse, [next], config.acceptedHba ?? []).find(({ severity }) => severity === 'blocks');
  if (obstacle !== undefined) throw new EngineFailure('needs-person', obstacle.code, { details: obstacle.details });
}
