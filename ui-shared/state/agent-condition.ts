/**
 * One condition for each agent, from its facts and the heartbeat's truth: a word, a glyph, an ASCII glyph and a tone,
 * never colour alone (ux.md §4.2). When we lost the daemon, or the daemon lost the vault, what we show is not known to
 * be true any more: everything is UNKNOWN, and one banner says why.
 */
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import { judgeHeartbeat } from './heartbeat.ts';

export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'grey';
export type ConditionName =
  | 'OK'
  | 'ROTATING'
  | 'DRAINING'
  | 'WAITING'
  | 'LATE'
  | 'OFFLINE'
  | 'UNKNOWN'
  | 'DRIFT'
  | 'REJECTED'
  | 'SPLIT'
  | 'QUARANTINED'
  | 'PAUSED'
  | 'DENIED'
  | 'BLOCKED'
  | 'NO JOURNAL';

export interface Condition {
  readonly name: ConditionName;
  readonly glyph: string;
  readonly ascii: string;
  readonly tone: Tone;
  /** A person has to look. */
  readonly needsYou: boolean;
}

const conditions: Readonly<Record<ConditionName, Omit<Condition, 'name'>>> = {
  OK: { glyph: '✓', ascii: '+', tone: 'good', needsYou: false },
  ROTATING: { glyph: '↻', ascii: '~', tone: 'busy', needsYou: false },
  DRAINING: { glyph: '↻', ascii: '~', tone: 'busy', needsYou: false },
  WAITING: { glyph: '…', ascii: 'w', tone: 'busy', needsYou: false },
  LATE: { glyph: '◷', ascii: '.', tone: 'warn', needsYou: false },
  OFFLINE: { glyph: '○', ascii: 'o', tone: 'bad', needsYou: true },
  UNKNOWN: { glyph: '?', ascii: '?', tone: 'grey', needsYou: false },
  DRIFT: { glyph: '⚠', ascii: '!', tone: 'warn', needsYou: true },
  REJECTED: { glyph: '⚠', ascii: '!', tone: 'warn', needsYou: true },
  SPLIT: { glyph: '✖', ascii: 'X', tone: 'bad', needsYou: true },
  QUARANTINED: { glyph: '⛔', ascii: '#', tone: 'bad', needsYou: true },
  PAUSED: { glyph: '‖', ascii: '=', tone: 'grey', needsYou: false },
  DENIED: { glyph: '🔒', ascii: 'D', tone: 'bad', needsYou: true },
  BLOCKED: { glyph: '⚠', ascii: '!', tone: 'warn', needsYou: true },
  'NO JOURNAL': { glyph: '✖', ascii: 'X', tone: 'bad', needsYou: true },
};

export function conditionNamed(name: ConditionName): Condition {
  return { name, ...conditions[name] };
}

/** `known`: whether the daemon is with us and it reaches this agent's vault. */
export function agentCondition(agent: AgentFact, now: number, known: boolean): Condition {
  if (!known) return conditionNamed('UNKNOWN');
  const byState = conditionOfState(agent.state);
  if (!agent.running && byState !== 'DENIED' && byState !== 'SPLIT' && byState !== 'QUARANTINED') return conditionNamed('PAUSED');
  if (byState !== 'OK') return conditionNamed(byState);
  switch (judgeHeartbeat(agent.beats, now)) {
    case 'ok':
      return conditionNamed('OK');
    case 'late':
      return conditionNamed('LATE');
    case 'offline':
      return conditionNamed('OFFLINE');
    case 'none':
      // The first heartbeat is at most one interval away; before that an agent that began just now is not late.
      return conditionNamed(now - agent.since > 80_000 ? 'OFFLINE' : 'OK');
  }
}

/** The word for a state of the daemon's, the same wherever a state is said. */
export function conditionOfState(state: string): ConditionName {
  switch (state) {
    case 'IDLE':
    case 'RETIRED':
      return 'OK';
    case 'RECEIVED':
    case 'PREFLIGHT':
    case 'SEALED':
    case 'APPLYING':
    case 'APPLIED':
    case 'VERIFIED':
    case 'CONFIRMING':
    case 'PROMOTED':
      return 'ROTATING';
    case 'DRAINING':
      return 'DRAINING';
    case 'WAITING_FOR_DRAIN':
      return 'WAITING';
    case 'REJECTED':
    case 'ROLLED_BACK':
      return 'REJECTED';
    case 'SPLIT':
      return 'SPLIT';
    case 'DRIFT':
      return 'DRIFT';
    case 'QUARANTINED':
      return 'QUARANTINED';
    case 'ACCESS_DENIED':
      return 'DENIED';
    case 'JOURNAL_UNAVAILABLE':
      return 'NO JOURNAL';
    case 'DATABASE_UNREACHABLE':
      return 'BLOCKED';
    case 'STOPPED':
      return 'PAUSED';
    default:
      // VAULT_UNREACHABLE, and states of a newer daemon: what we know may be out of date.
      return 'UNKNOWN';
  }
}
