/**
 * What the database holds now, without changing it: by comparing stored verifiers where the administrator may read
 * them, else by one login for each candidate after a random password was refused.
 */
import { type Candidate, EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import type { LoginShape, Shape, Slot } from '@sikkerkey/core/rotation/types.ts';
import { type EngineDependencies, type PostgresqlEngineConfig, roleOfSlot, slotsOf } from './config.ts';
import type { Connection } from './connect.ts';
import { slotComment } from './marker.ts';
import { connectAsObserver } from './observer.ts';
import { attemptLogin, checkPasswords } from './probe.ts';
import { verifierAccepts } from './scram.ts';

interface RoleRow {
  readonly rolname: string;
  readonly rolcanlogin: boolean;
  readonly verifier: string | null;
  readonly comment: string | null;
  /** VALID UNTIL has passed: the right password is refused. */
  readonly expired: boolean;
}

const expired = 'coalesce(rolvaliduntil <= now(), false) AS expired';

/** Looks at every login of the secret over the given connection. Throws EngineFailure where nothing can be known. */
export async function lookAt(
  connection: Connection,
  config: PostgresqlEngineConfig,
  candidates: readonly Candidate[],
  dependencies: EngineDependencies,
  signal: AbortSignal,
): Promise<Shape> {
  const slots = slotsOf(config.strategy);
  const roles = slots.map((slot) => roleOfSlot(config.owner, slot));
  const [privilege] = await connection.query<{ readable: boolean }>(
    `SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS readable`,
    [],
    signal,
  );
  const readable = privilege?.readable === true;
  const source = readable ? 'rolpassword AS verifier FROM pg_catalog.pg_authid' : 'NULL AS verifier FROM pg_catalog.pg_roles';
  const sql = `SELECT rolname, rolcanlogin, shobj_description(oid, 'pg_authid') AS comment, ${expired}, ${source} WHERE rolname = ANY($1::text[])`;
  const rows = await connection.query<RoleRow & Record<string, unknown>>(sql, [roles], signal);
  const logins: LoginShape[] = [];
  for (const slot of slots) {
    const row = rows.find((one) => one.rolname === roleOfSlot(config.owner, slot));
    const ours = candidates.filter((candidate) => candidate.slot === slot);
    logins.push(await shapeOf(slot, row, ours, { config, dependencies, signal, readable }));
  }
  return { logins };
}

/** The same look over a connection of its own, without lock or fence; for drift (rotation-protocol.md rule 6). */
export async function observe(
  config: PostgresqlEngineConfig,
  candidates: readonly Candidate[],
  dependencies: EngineDependencies,
  signal: AbortSignal,
): Promise<Shape> {
  const connection = await connectAsObserver(config, dependencies.clock, signal);
  try {
    return await lookAt(connection, config, candidates, dependencies, signal);
  } finally {
    await connection.close();
  }
}

interface Means {
  readonly config: PostgresqlEngineConfig;
  readonly dependencies: EngineDependencies;
  readonly signal: AbortSignal;
  readonly readable: boolean;
}

async function shapeOf(slot: Slot, row: RoleRow | undefined, candidates: readonly Candidate[], means: Means): Promise<LoginShape> {
  const fixed = { slot, hasSecondPassword: false };
  if (row === undefined) return { ...fixed, exists: false, mayLogIn: false, accepts: [], hasVerifier: false };
  const accepts = row.expired ? [] : await acceptedVersions(row, candidates, means);
  // Somebody else's role in a slot's place: neither marked by us nor with a password of ours, so it is none of our logins.
  const isForeign = slot !== 'owner' && accepts.length === 0 && row.comment !== slotComment(means.config.secretId);
  if (isForeign) return { ...fixed, exists: false, mayLogIn: false, accepts, hasVerifier: false };
  return { ...fixed, exists: true, mayLogIn: row.rolcanlogin, accepts, hasVerifier: !means.readable || row.verifier !== null };
}

async function acceptedVersions(row: RoleRow, candidates: readonly Candidate[], means: Means): Promise<number[]> {
  if (candidates.length === 0) return [];
  if (!means.readable) return versionsByLogin(row.rolname, candidates, means);
  // A role has one password and each version another one: the first that fits is the only one that does.
  for (const { version, credential } of candidates) {
    if (row.verifier !== null && (await verifierAccepts(row.verifier, row.rolname, credential.password))) return [version];
  }
  return [];
}

async function versionsByLogin(username: string, candidates: readonly Candidate[], means: Means): Promise<number[]> {
  const { config, dependencies, signal } = means;
  const node = { host: config.host, port: config.port };
  const check = await checkPasswords(config, node, username, dependencies, signal);
  if (check.kind === 'failed') throw check.failure;
  if (check.kind === 'not-enforced') throw new EngineFailure('needs-person', check.code);
  for (const { version, credential } of candidates) {
    const attempt = await attemptLogin(config, node, { username, password: credential.password }, dependencies.clock, signal);
    if (attempt.kind === 'logged-in') await attempt.connection.close();
    if (attempt.kind === 'failed') throw attempt.failure;
    if (attempt.kind === 'not-authorised') throw new EngineFailure('needs-person', 'hba-28000');
    if (attempt.kind !== 'wrong-password') return [version];
  }
  return [];
}
