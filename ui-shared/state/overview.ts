/**
 * What one screen shows of everything: rows in a stable order, counts, and at most one banner, the most pressing. When
 * the daemon is lost every row is UNKNOWN and the banner says so; rows never turn red because we cannot see.
 */
import type { AgentFact, VaultFact } from '@sikkerkey/protocol/local/state.ts';
import type { Link } from '../mirror/follow-daemon.ts';
import { approvalCommand, successorWait } from '../wording/approval.ts';
import { wordsForError } from '../wording/errors.ts';
import { safeText } from '../wording/safe-text.ts';
import { clockWords } from './age.ts';
import { agentCondition, type Condition, type Tone } from './agent-condition.ts';
import { isVaultWithUs } from './vault-condition.ts';

export interface AgentRow {
  readonly agent: AgentFact;
  readonly condition: Condition;
}

export interface Banner {
  readonly tone: Tone;
  readonly text: string;
  /** A command to paste, or null. */
  readonly command: string | null;
}

export interface Overview {
  readonly rows: readonly AgentRow[];
  readonly vaults: readonly VaultFact[];
  readonly banner: Banner | null;
  readonly isLive: boolean;
}

export function overviewOf(link: Link, now: number): Overview {
  const agents = link.state?.agents ?? [];
  const vaults = link.state?.vaults ?? [];
  const isLive = link.kind === 'live';
  const rows = agents
    .map((agent) => ({ agent, condition: agentCondition(agent, now, isLive && isVaultWithUs(vaults, agent.vaultId)) }))
    .sort((left, right) => compare(left.agent.name, right.agent.name) || compare(left.agent.secretId, right.agent.secretId));
  return { rows, vaults, banner: bannerOf(link), isLive };
}

function bannerOf(link: Link): Banner | null {
  switch (link.kind) {
    case 'connecting':
      return { tone: 'grey', text: 'connecting to the daemon', command: null };
    case 'lost': {
      const words = wordsForError(link.code, link.details);
      const shown = link.state === null ? '' : `; what is shown is from ${clockWords(link.since)}`;
      return { tone: 'bad', text: `${words.title}${shown}`, command: words.nextStep };
    }
    case 'live':
      return journalBanner(link.state.daemon.journal) ?? vaultBanner(link.state.vaults);
    default:
      return link satisfies never;
  }
}

function journalBanner(journal: string): Banner | null {
  if (journal === 'ok') return null;
  return { tone: 'bad', text: 'the journal cannot be written: no rotation begins until it can', command: 'sikkerkey daemon status' };
}

function vaultBanner(vaults: readonly VaultFact[]): Banner | null {
  const lost = vaults.find(({ reachable }) => !reachable);
  if (lost !== undefined) {
    return {
      tone: 'bad',
      text: `the daemon does not reach ${safeText(lost.vaultId)}: its agents are UNKNOWN`,
      command: 'sikkerkey status',
    };
  }
  const sealed = vaults.find((vault) => vault.sealed);
  if (sealed !== undefined) {
    return {
      tone: 'warn',
      text: `${safeText(sealed.vaultId)} is sealed: its agents are UNKNOWN`,
      command: wordsForError('vault-sealed', {}).nextStep,
    };
  }
  const pending = vaults.find(({ machineState }) => machineState === 'pending');
  if (pending !== undefined) {
    return { tone: 'warn', text: `this machine waits for approval (${safeText(pending.fingerprint)})`, command: approvalCommand(pending) };
  }
  const [wait] = vaults.map(successorWait).filter((one) => one !== null);
  return wait === undefined ? null : { tone: 'warn', text: wait[0], command: wait[1] };
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
