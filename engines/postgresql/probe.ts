/** Single login attempts with a stated meaning, and the random password that must be refused. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import type { DatabaseNode, EngineDependencies, PostgresqlEngineConfig } from './config.ts';
import { type Connection, connect } from './connect.ts';

export const probeApplicationName = 'sikkerkey-probe';

export type LoginAttempt =
  | { readonly kind: 'logged-in'; readonly connection: Connection }
  /** 28P01: the server compared the password and refused it. */
  | { readonly kind: 'wrong-password' }
  /** 28000: refused for another reason; after the password was right where the role may not log in. */
  | { readonly kind: 'not-authorised' }
  | { readonly kind: 'failed'; readonly failure: EngineFailure };

export interface Login {
  readonly username: string;
  readonly password: SecretText;
}

/** One fresh login. Throws only the signal's reason. */
export async function attemptLogin(
  config: PostgresqlEngineConfig,
  node: DatabaseNode,
  login: Login,
  clock: Clock,
  signal: AbortSignal,
): Promise<LoginAttempt> {
  const { database, tls } = config;
  const target = { ...node, database, tls, user: login.username, password: login.password, applicationName: probeApplicationName };
  try {
    return { kind: 'logged-in', connection: await connect(target, clock, signal) };
  } catch (error) {
    if (!(error instanceof EngineFailure)) throw error;
    if (error.code === '28P01') return { kind: 'wrong-password' };
    return error.code === '28000' ? { kind: 'not-authorised' } : { kind: 'failed', failure: error };
  }
}

/**
 * Tries a random password. Only `wrong-password` proves that passwords are compared from here: a `trust` line lets
 * everybody in, and says 28000 for a role that may not log in.
 */
export async function attemptRandomPassword(
  config: PostgresqlEngineConfig,
  node: DatabaseNode,
  username: string,
  dependencies: EngineDependencies,
  signal: AbortSignal,
): Promise<LoginAttempt> {
  const password = new SecretText(Buffer.from(dependencies.random.bytes(24)).toString('base64url'));
  const attempt = await attemptLogin(config, node, { username, password }, dependencies.clock, signal);
  if (attempt.kind === 'logged-in') await attempt.connection.close();
  return attempt;
}
