/**
 * From a claim to the journal row. After a restart with a row the agent claims anew, so that it goes on under a fresh
 * epoch and with the vault's word on where the rotation is; what it did before does not matter, it will look.
 */
import { differentServer, epochAhead } from '../ports.ts';
import { forgottenOf, holdsForeignPassword } from '../strategies/strategy.ts';
import type { Goal, Receipt, Shape, Strategy, Versions } from '../types.ts';
import type { MachineRules } from './rules.ts';
import type { AfterFinish, Event, Grant, Rest, Row, State, Wish, Work } from './state.ts';
import { impossible } from './state.ts';

type Claiming = Extract<State, { at: 'claiming' }>;

export function afterClaiming(state: Claiming, event: Event): State {
  const { row, wish } = state;
  switch (event.kind) {
    case 'vault-behind':
      return resting(ahead);
    case 'claimed':
      return take(event.grant, withoutRecognised(row, event.recognised ?? []), {
        ...wish,
        knowsEnded: state.purpose === 'repair' || event.grant.phase === 'promoted',
      });
    case 'held-by-another':
      // The other one does not know what this row alone knows.
      if (row === null || forgottenOf(row.versions).length > 0) return resting({ kind: 'idle', retryInMs: event.retryInMs });
      return { at: 'finishing', work: row, outcome: 'superseded', afterwards: { kind: 'wait', retryInMs: event.retryInMs }, wish };
    case 'nothing-to-claim':
      if (row === null) return resting({ kind: 'idle', retryInMs: null });
      // The answer to our confirm may have been lost: the vault repeats it as long as nobody acted after us.
      if (row.goal === 'confirm') return { at: 'confirming', work: workOf(row), wish };
      return { at: 'finishing', work: row, outcome: outcomeOfOver(row.goal), afterwards: afterOver(row.goal, wish), wish };
    default:
      return impossible(state, event);
  }
}

/** What the vault has sealed itself is nobody's alone: a stranger's password beside it is its owner's affair again. */
function withoutRecognised(row: Row | null, recognised: readonly number[]): Row | null {
  const retired = row?.versions.retired;
  if (row === null || retired === undefined || recognised.length === 0) return row;
  return { ...row, versions: { ...row.versions, retired: retired.filter(({ version }) => !recognised.includes(version)) } };
}

/** Takes up what the vault granted, resuming the row where it is about the same rotation, or a repair. */
export function take(grant: Grant, row: Row | null, wish: Wish): State {
  const isGivenUp = grant.phase === 'pending' && grant.rotationId === wish.giveUpRotationId && !isRepairFirst(row, grant);
  const goal = isGivenUp ? 'undo' : goalOf(grant, row);
  if (row !== null && !isRepairFirst(row, grant) && (goal === null || row.rotationId !== grant.rotationId)) {
    return { at: 'finishing', work: row, outcome: outcomeOfOver(row.goal), afterwards: { kind: 'take', grant }, wish };
  }
  if (goal !== null) {
    const [strategy, versions] = [strategyOf(goal, grant, row), withForgotten(grant.versions, row)];
    return { at: 'journalling', work: { ...workFrom(grant, goal), strategy, versions, undoCode: isGivenUp ? givenUp : null }, wish };
  }
  if (wish.probe) return { at: 'probing', work: workFrom(grant, 'repair'), wish };
  return { at: 'releasing', epoch: grant.epoch, rest: { kind: 'idle', retryInMs: null } };
}

/**
 * A repair comes first, and so does whatever still knows what the vault has forgotten, unless its own rotation goes on: what
 * another agent ended was ended without that.
 */
function isRepairFirst(row: Row | null, grant: Grant): boolean {
  if (row === null) return false;
  return row.goal === 'repair' || (row.rotationId !== grant.rotationId && forgottenOf(row.versions).length > 0);
}

/** What only the row knows is looked for too, and stays sealed in it until the database is as the vault says. */
function withForgotten(versions: Versions, row: Row | null): Versions {
  const forgotten = row === null ? [] : forgottenOf(row.versions);
  return forgotten.length === 0 ? versions : { ...versions, retired: [...(versions.retired ?? []), ...forgotten] };
}

/** A vault restored from a backup may have forgotten with the versions that logins took turns. */
function strategyOf(goal: Goal, grant: Grant, row: Row | null): Strategy {
  return goal === 'repair' && row !== null && grant.strategy === 'single' ? row.strategy : grant.strategy;
}

/**
 * The goal to go on with: a repair first, then what is in flight at the vault. Null for a grant with nothing in flight, where
 * only a probe can find work.
 */
function goalOf(grant: Grant, row: Row | null): Goal | null {
  if (isRepairFirst(row, grant)) return grant.phase === 'promoted' ? 'repair-while-draining' : 'repair';
  switch (grant.phase) {
    case 'pending':
      return row?.rotationId === grant.rotationId && (row.goal === 'confirm' || row.goal === 'undo') ? row.goal : 'apply';
    case 'promoted':
      // The drain was over when `retire` was written, and no reader can have come to hold the version before since.
      return row?.rotationId === grant.rotationId && (row.goal === 'retire' || row.goal === 'repair-while-draining') ? row.goal : 'drain';
    case 'steady':
      return null;
    default:
      throw new Error('unknown phase', { cause: grant.phase satisfies never });
  }
}

/**
 * A version that was cancelled while we were down may have reached the database: that is drift now, so look (C8). So may one
 * that a vault restored from a backup has forgotten; a person who accepts that has it looked for.
 */
function afterOver(goal: Goal, wish: Wish): AfterFinish {
  return wish.probe || goal === 'apply' || goal === 'undo' ? { kind: 'probe' } : { kind: 'rest' };
}

/** How work ended of which the vault says that it is over. */
function outcomeOfOver(goal: Goal): Receipt['outcome'] {
  switch (goal) {
    case 'drain':
    case 'retire':
    case 'repair-while-draining':
      return 'rotated';
    case 'undo':
      return 'rejected';
    case 'apply':
    case 'confirm':
    case 'repair':
      return 'superseded';
    default:
      throw new Error('unknown goal', { cause: goal satisfies never });
  }
}

/**
 * The probe under a claim with nothing in flight. What it finds is only a suspicion: the claim may have been overtaken
 * meanwhile. Whether it is drift or a stranger's password, the look on the fenced session decides (C12, C13).
 */
export function afterProbing(state: Extract<State, { at: 'probing' }>, event: Event, rules: MachineRules): State {
  if (event.kind !== 'observed') return impossible(state, event);
  const { work, wish } = state;
  if (rules.strategies[work.strategy].isDrifted(event.shape, work.versions)) return { at: 'journalling', work, wish };
  return { at: 'releasing', epoch: work.epoch, rest: { kind: 'idle', retryInMs: null } };
}

/** Only a person may have a stranger's password overwritten. */
export function isQuarantined(shape: Shape, work: Work, wish: Wish): boolean {
  return !wish.overwriteForeignPassword && holdsForeignPassword(shape, work.versions.live);
}

/** Reason given to the vault for a version that a person has given up while it was pending. */
export const givenUp = 'given-up';

/** What the database holds may be newer than anything that the vault knows: only a person goes on. */
export const ahead: Rest = { kind: 'blocked', state: 'QUARANTINED', code: epochAhead };

/** What the database refuses until a person sees to it. */
export function forPerson(code: string): Rest {
  return { kind: 'blocked', state: code === differentServer ? 'QUARANTINED' : 'DATABASE_UNREACHABLE', code };
}

export const quarantined: Rest = { kind: 'blocked', state: 'QUARANTINED', code: 'foreign-password' };

export function resting(rest: Rest, work: Work | null = null): State {
  return { at: 'resting', rest, work };
}

export function workFrom(grant: Grant, goal: Goal): Work {
  const { rotationId, epoch, strategy, versions } = grant;
  return { rotationId, epoch, strategy, goal, versions, refusedLogins: 0, undoCode: null, drainCode: null };
}

export function rowOf({ rotationId, epoch, strategy, goal, versions }: Work): Row {
  return { rotationId, epoch, strategy, goal, versions };
}

export function workOf(row: Row): Work {
  const { rotationId, epoch, strategy, goal, versions } = row;
  return { rotationId, epoch, strategy, goal, versions, refusedLogins: 0, undoCode: null, drainCode: null };
}
