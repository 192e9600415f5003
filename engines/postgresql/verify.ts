/**
 * Proof that a credential works: a random password is refused first, then a fresh login to every declared node takes
 * the owner's role and runs what the application needs. What will pass by itself is told apart from what is wrong.
 */
import { type Candidate, EngineFailure, type VerifyOutcome } from '@sikkerkey/core/rotation/ports.ts';
import type { DatabaseNode, EngineDependencies, PostgresqlEngineConfig } from './config.ts';
import { roleOfSlot } from './config.ts';
import type { Connection } from './connect.ts';
import { attemptLogin, checkPasswords } from './probe.ts';

/** The primary first, then the declared nodes; the first outcome other than `verified` ends it. Throws only the signal's reason. */
export async function verifyCandidate(
  candidate: Candidate,
  config: PostgresqlEngineConfig,
  dependencies: EngineDependencies,
  signal: AbortSignal,
): Promise<VerifyOutcome> {
  const primary = await verifyOnNode(candidate, config, { host: config.host, port: config.port }, dependencies, signal);
  if (primary.kind !== 'verified') return primary;
  for (const node of config.nodes ?? []) {
    const outcome = await verifyOnNode(candidate, config, node, dependencies, signal);
    // The primary accepts it, so a replica or a pooler that caches verifiers has yet to follow (wire-runtime D-37).
    if (outcome.kind === 'wrong-password') return { kind: 'try-again', code: 'node-behind' };
    if (outcome.kind !== 'verified') return outcome;
  }
  return { kind: 'verified' };
}

async function verifyOnNode(
  candidate: Candidate,
  config: PostgresqlEngineConfig,
  node: DatabaseNode,
  dependencies: EngineDependencies,
  signal: AbortSignal,
): Promise<VerifyOutcome> {
  const username = roleOfSlot(config.owner, candidate.slot);
  const check = await checkPasswords(config, node, username, dependencies, signal);
  if (check.kind === 'not-enforced') return { kind: 'proves-nothing', code: check.code };
  if (check.kind === 'failed') return fromFailure(check.failure);
  const login = { username, password: candidate.credential.password };
  const attempt = await attemptLogin(config, node, login, dependencies.clock, signal);
  switch (attempt.kind) {
    case 'wrong-password':
      return { kind: 'wrong-password' };
    case 'not-authorised':
      return { kind: 'unfit', code: '28000' };
    case 'refused-after-password':
      return fromRefusal(attempt.failure, config);
    case 'failed':
      return fromFailure(attempt.failure);
    case 'logged-in':
      try {
        return await runProbe(attempt.connection, username, config, signal);
      } finally {
        await attempt.connection.close();
      }
    default:
      return attempt satisfies never;
  }
}

/**
 * In place the old password is dead already, so a right one that meets a connection limit is all the proof there will be
 * while the application holds every connection. A slot that nobody uses yet can wait for one, and for its probe.
 */
function fromRefusal(failure: EngineFailure, { strategy }: PostgresqlEngineConfig): VerifyOutcome {
  return failure.code === '53300' && strategy === 'single' ? { kind: 'verified' } : fromFailure(failure);
}

async function runProbe(
  connection: Connection,
  username: string,
  config: PostgresqlEngineConfig,
  signal: AbortSignal,
): Promise<VerifyOutcome> {
  try {
    await connection.query(`SET statement_timeout = '10s'`, [], signal);
    const [row] = await connection.query<{ login: string; role: string }>('SELECT session_user AS login, current_user AS role', [], signal);
    // A slot whose SET role is lost would log in, and create objects that the other slot cannot touch.
    if (row?.login !== username || row.role !== config.owner) return { kind: 'unfit', code: 'owner-role-not-taken' };
    if (config.probeQuery !== undefined) {
      await connection.query('BEGIN READ ONLY', [], signal);
      await connection.query(config.probeQuery, [], signal);
      await connection.query('ROLLBACK', [], signal);
    }
    return { kind: 'verified' };
  } catch (error) {
    if (!(error instanceof EngineFailure)) throw error;
    // On the primary READ ONLY refuses a probe that writes; that will not pass by waiting.
    return error.code === '25006' ? { kind: 'unfit', code: 'probe-writes' } : fromFailure(error);
  }
}

/** A missing privilege, table or database is a reason to turn back; everything that may pass is tried again. */
function fromFailure(failure: EngineFailure): VerifyOutcome {
  const isCredentialUnfit = failure.kind === 'needs-person' && !failure.code.startsWith('tls-');
  return { kind: isCredentialUnfit ? 'unfit' : 'try-again', code: failure.code };
}
