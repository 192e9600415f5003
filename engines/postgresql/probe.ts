/** Single login attempts with a stated meaning, and the random password that must be refused. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import type { DatabaseNode, EngineDependencies, PostgresqlEngineConfig } from './config.ts';
import { type Connection, connect, RefusedAfterPassword } from './connect.ts';

export const probeApplicationName = 'sikkerkey-probe';

export type LoginAttempt =
  | { readonly kind: 'logged-in'; readonly connection: Connection }
  /** 28P01: the server compared the password and refused it. */
  | { readonly kind: 'wrong-password' }
  /** The password was right, and the server refused for what comes after it: a limit, NOLOGIN, no CONNECT, no database. */
  | { readonly kind: 'refused-after-password'; readonly failure: EngineFailure }
  /** 28000 before any password: no line of pg_hba.conf, or one that rejects. */
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
    if (error instanceof RefusedAfterPassword) return { kind: 'refused-after-password', failure: error };
    if (error.code === '28P01') return { kind: 'wrong-password' };
    return error.code === '28000' ? { kind: 'not-authorised' } : { kind: 'failed', failure: error };
  }
}

/** Whether a password decides who gets in, from here. */
export type PasswordCheck =
  | { readonly kind: 'enforced' }
  | { readonly kind: 'not-enforced'; readonly code: 'hba-trust' | 'hba-28000' }
  | { readonly kind: 'failed'; readonly failure: EngineFailure };

/**
 * Tries a random password. Only the server's own "wrong password" proves that passwords are compared: a `trust` line lets
 * everybody in, also a role that may not log in or does not exist, which it refuses afterwards.
 */
export async function checkPasswords(
  config: PostgresqlEngineConfig,
  node: DatabaseNode,
  username: string,
  dependencies: EngineDependencies,
  signal: AbortSignal,
): Promise<PasswordCheck> {
  const password = new SecretText(Buffer.from(dependencies.random.bytes(24)).toString('base64url'));
  const attempt = await attemptLogin(config, node, { username, password }, dependencies.clock, signal);
  switch (attempt.kind) {
    case 'wrong-password':
      return { kind: 'enforced' };
    case 'logged-in':
      await attempt.connection.close();
      return { kind: 'not-enforced', code: 'hba-trust' };
    case 'refused-after-password':
      return { kind: 'not-enforced', code: 'hba-trust' };
    case 'not-authorised':
      return { kind: 'not-enforced', code: 'hba-28000' };
    case 'failed':
      return attempt;
    default:
      return attempt satisfies never;
  }
}
