/** What a strategy decides, always from the shape that a look found and never from what was sent before. */
import type { Goal, LoginShape, Shape, Slot, Statement, VersionRef, Versions } from '../types.ts';

/** The goals that need the database; the other two only need the vault. */
export type SessionGoal = Exclude<Goal, 'confirm' | 'drain'>;

export type Plan =
  | { readonly kind: 'statements'; readonly statements: readonly Statement[] }
  /** A login that must carry a version is not there; it is never created here. */
  | { readonly kind: 'login-missing'; readonly slot: Slot };

export interface StrategyRules {
  /** Whether the version before stays valid after promotion, so that readers can be waited for. */
  readonly hasOverlap: boolean;
  /** What is left to be done for the goal; no statements when it is reached. */
  plan(goal: SessionGoal, shape: Shape, versions: Versions): Plan;
  /** Whether the shape outside a session differs from what the vault says (rule 6). Not asked while a version is pending. */
  isDrifted(shape: Shape, versions: Versions): boolean;
}

/** The login of a slot; one that the look did not mention is not there. */
export function loginOf(shape: Shape, slot: Slot): LoginShape {
  return (
    shape.logins.find((login) => login.slot === slot) ?? {
      slot,
      exists: false,
      mayLogIn: false,
      accepts: [],
      hasVerifier: false,
      hasSecondPassword: false,
    }
  );
}

export function logsIn(shape: Shape, ref: VersionRef): boolean {
  const login = loginOf(shape, ref.slot);
  return login.mayLogIn && login.accepts.includes(ref.version);
}

/**
 * C13: the login of the live version is open with a password that is none of ours. Somebody else changed it, so nothing
 * is overwritten unless a person says so. A login that may not log in, or has no verifier, was not changed but restored.
 */
export function holdsForeignPassword(shape: Shape, ref: VersionRef): boolean {
  const login = loginOf(shape, ref.slot);
  return login.mayLogIn && login.hasVerifier && login.accepts.length === 0;
}

/** C13 for the login that drains: its password is a stranger's. Where both versions share one login, that is the live one's matter. */
export function holdsForeignPrevious(shape: Shape, { live, previous }: Versions): boolean {
  return previous !== null && previous.slot !== live.slot && holdsForeignPassword(shape, previous);
}

/**
 * The shape by which a stranger's password on the login that drains is left where it is: it counts as in order until the
 * login is closed. Who holds the version before reads again and gets the live one.
 */
export function leavingForeignPrevious(shape: Shape, versions: Versions): Shape {
  const { previous } = versions;
  if (previous === null || !holdsForeignPrevious(shape, versions)) return shape;
  const left = (login: LoginShape): LoginShape => (login.slot === previous.slot ? { ...login, accepts: [previous.version] } : login);
  return { logins: shape.logins.map(left) };
}

/**
 * The login that drains was locked or its password taken away, and the live one has its own, locked by hand or not. A backup
 * from before the live login was opened does not have that password, and a repair that opens it opens this login first: so
 * somebody did it on purpose, because of a leak.
 */
export function isLockedPrevious(shape: Shape, { live, previous }: Versions): boolean {
  if (previous === null || previous.slot === live.slot || !loginOf(shape, live.slot).accepts.includes(live.version)) return false;
  const login = loginOf(shape, previous.slot);
  return login.exists && !(login.mayLogIn && login.hasVerifier);
}

/** The shape by which a locked login that drains stays locked, as `leavingForeignPrevious` leaves a stranger's password. */
export function leavingLockedPrevious(shape: Shape, versions: Versions): Shape {
  const { previous } = versions;
  if (previous === null || !isLockedPrevious(shape, versions)) return shape;
  const left = (login: LoginShape): LoginShape =>
    login.slot === previous.slot ? { ...login, mayLogIn: true, accepts: [previous.version] } : login;
  return { logins: shape.logins.map(left) };
}

/** Every version whose password a look compares. */
export function candidatesOf(versions: Versions): readonly VersionRef[] {
  return [versions.live, versions.pending, versions.previous, ...(versions.retired ?? [])].filter((ref) => ref !== null);
}

/** Versions that the vault may know nothing of: their row is kept until the database is as the vault says without them. */
export function forgottenOf(versions: Versions): readonly VersionRef[] {
  return (versions.retired ?? []).filter(({ version }) => version < 0);
}

export function statements(...list: readonly Statement[]): Plan {
  return { kind: 'statements', statements: list };
}

/** The version that a goal is about; that the row lacks it is a defect of the caller. */
export function required(ref: VersionRef | null, goal: SessionGoal): VersionRef {
  if (ref === null) throw new Error(`no version for the goal ${goal}`);
  return ref;
}
