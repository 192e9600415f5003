/** From what the rotation reports to what front ends and the vault are told: pure, whole values, nothing invented. */
import type { AgentState, RotationFact } from '@sikkerkey/core/rotation/facts.ts';
import type { Receipt } from '@sikkerkey/core/rotation/types.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import type { AgentConfiguration, AgentHeartbeat, AgentWork } from '@sikkerkey/protocol/vault/machine.ts';
import { holdOutOf } from '../vault-link/vault-port.ts';
import type { Unsettled } from './agent-deps.ts';
import type { RegisteredAgent } from './registry.ts';

const shownBeats = 5;

export function initialFact(agent: RegisteredAgent, now: number): AgentFact {
  const { connection } = agent;
  return {
    secretId: agent.secretId,
    vaultId: agent.vaultId,
    name: agent.secretId,
    provider: connection?.provider ?? 'postgresql',
    serverVersion: null,
    host: connection?.host ?? null,
    port: connection?.port ?? null,
    database: connection?.database ?? null,
    tls: connection?.tls ?? null,
    strategy: null,
    adopted: false,
    source: connection === null ? 'vault' : 'local',
    running: agent.running,
    state: agent.rest?.state ?? (agent.running ? 'IDLE' : 'STOPPED'),
    since: now,
    step: null,
    rotationId: null,
    version: null,
    attempt: 0,
    errorCode: agent.rest?.errorCode ?? null,
    errorDetails: agent.rest === undefined ? {} : { secretId: agent.secretId },
    holdOuts: [],
    drainDeadlineAt: null,
    nextRotationAt: null,
    beats: [],
    lastRotation: null,
    ...lastKnownFacts(agent),
  };
}

/** A connection of this host's own is known for certain; so is nothing of a secret that has moved to another vault. */
function lastKnownFacts({ vaultId, connection, lastKnown }: RegisteredAgent): Partial<AgentFact> {
  if (lastKnown === undefined || lastKnown.vaultId !== vaultId) return {};
  const { name, serverVersion, strategy, adopted, version, lastRotation, provider, host, port, database, tls } = lastKnown;
  const place = connection === null ? { provider, host, port, database, tls } : {};
  return { name, serverVersion, strategy, adopted, version, lastRotation, ...place, isLastKnown: true };
}

/** A new connection, or running or not; what the work reported stays. */
export function withRegistration(fact: AgentFact, agent: RegisteredAgent, now: number): AgentFact {
  const fresh = initialFact(agent, now);
  const { provider, host, port, database, tls, source } = fresh;
  return {
    ...withState(fact, registeredState(fact.state, agent.running), now),
    provider,
    host,
    port,
    database,
    tls,
    source,
    running: agent.running,
  };
}

/** Neither a stop nor a failure that nobody foresaw takes away what a person has to see to. */
export function needsPerson(state: string): boolean {
  return state === 'QUARANTINED' || state === 'SPLIT';
}

function registeredState(state: string, isRunning: boolean): string {
  if (isRunning) return state === 'STOPPED' ? 'IDLE' : state;
  return needsPerson(state) ? state : 'STOPPED';
}

export function withConfiguration({ isLastKnown, ...fact }: AgentFact, configuration: AgentConfiguration): AgentFact {
  const local = fact.source === 'local';
  return {
    ...fact,
    name: configuration.name,
    provider: configuration.provider,
    strategy: configuration.strategy,
    adopted: configuration.adopted,
    host: local ? fact.host : configuration.host,
    port: local ? fact.port : configuration.port,
    database: local ? fact.database : configuration.database,
    tls: local ? fact.tls : configuration.tls,
    version: (isLastKnown === true ? null : fact.version) ?? configuration.liveVersion,
    nextRotationAt: configuration.adopted ? configuration.nextRotationAt : null,
  };
}

export function withState(fact: AgentFact, state: AgentState | string, now: number): AgentFact {
  return fact.state === state ? fact : { ...fact, state, since: now };
}

/** `Strategy` of the core knows one more than the wire; a fact that the wire cannot say is left as it was. */
export function withRotation(fact: AgentFact, reported: RotationFact, now: number): AgentFact {
  // Looking again is no news: what a person has to see to stays shown until there is another finding, or a change was made.
  const isNews = reported.isRest || reported.errorCode !== null || reported.state === 'APPLIED' || reported.state === 'CONFIRMING';
  if (fact.state === 'QUARANTINED' && !isNews) return fact;
  const base = withState(fact, reported.state, now);
  return {
    ...base,
    strategy: reported.strategy === 'flip' || reported.strategy === 'single' ? reported.strategy : fact.strategy,
    step: stepOf(reported.state) ?? (reported.rotationId === null ? null : fact.step),
    rotationId: reported.rotationId,
    version: reported.version ?? fact.version,
    attempt: reported.attempt,
    errorCode: reported.errorCode,
    errorDetails: reported.errorCode === null ? {} : { ...remedyFacts(fact), ...reported.errorDetails },
    holdOuts: reported.holdOuts.map((one) => ({ ...one })),
    drainDeadlineAt: reported.drainDeadlineInMs === null ? null : Math.round(now + reported.drainDeadlineInMs),
  };
}

/**
 * A person asks for the rotation at which the agent rests, and the vault took the request: it is shown as asked for, so that
 * whoever waits for it sees the finding of the new look and not the old one, least of all a denial that is over.
 */
export function withAskedRotation(fact: AgentFact, rotationId: string, now: number): AgentFact {
  const isAtRest = fact.state === 'QUARANTINED' || fact.state === 'ACCESS_DENIED';
  if (!isAtRest || fact.rotationId !== rotationId) return fact;
  return { ...withState(fact, 'RECEIVED', now), errorCode: null, errorDetails: {} };
}

/** What the vault says there is to do. */
export function withWork(fact: AgentFact, work: AgentWork, now: number): AgentFact {
  const waiting = work.phase === 'waiting-for-drain' && (fact.state === 'DRAINING' || fact.state === 'IDLE');
  const over = work.phase !== 'waiting-for-drain' && fact.state === 'WAITING_FOR_DRAIN';
  const base = waiting
    ? withState(fact, 'WAITING_FOR_DRAIN', now)
    : over
      ? withState(fact, fact.step === 'draining' ? 'DRAINING' : 'IDLE', now)
      : fact;
  const draining = work.phase === 'promoted' || work.phase === 'waiting-for-drain';
  return {
    ...base,
    // The schedule of a login that was given back stays with the vault; nothing comes of it here.
    nextRotationAt: fact.adopted ? work.nextRotationAt : null,
    version: work.liveVersion ?? fact.version,
    ...(draining && work.holdOuts.length > 0 ? { holdOuts: work.holdOuts.map((hold) => ({ ...holdOutOf(hold) })) } : {}),
    ...(draining && work.drainDeadlineAt !== null ? { drainDeadlineAt: work.drainDeadlineAt } : {}),
  };
}

/** A failure outside the rotation itself (no connection known, vault away, identity unusable). */
export function withFailure(fact: AgentFact, state: AgentState, code: string, details: AgentFact['errorDetails'], now: number): AgentFact {
  return { ...withState(fact, state, now), errorCode: code, errorDetails: { ...remedyFacts(fact), ...details } };
}

/** The vault has answered, and gave what a run needs. */
export function withPrepared(fact: AgentFact, configuration: AgentConfiguration): AgentFact {
  const isVaultBack = fact.state === 'ACCESS_DENIED' || fact.state === 'VAULT_UNREACHABLE';
  return withConfiguration(isVaultBack ? { ...fact, state: 'IDLE', errorCode: null } : fact, configuration);
}

/** An agent as any other again. */
export function withoutFailure(fact: AgentFact, now: number): AgentFact {
  return { ...withState(fact, 'IDLE', now), errorCode: null, errorDetails: {} };
}

/** What keeps the last step of an un-adoption waiting, until it is done; what ends by itself is nobody's trouble. */
export function withUnsettled(fact: AgentFact, before: Unsettled | null, left: Unsettled | null, now: number): AgentFact {
  if (left === null) return before === null ? fact : withoutFailure(fact, now);
  const { state, code, details } = left.failure;
  return withFailure(fact, code === 'slot-in-use' || code === 'agent-busy' ? 'IDLE' : state, code, details, now);
}

/** What the remedies for an agent's errors name: its secret, its database, and the grant that agents need. */
function remedyFacts({ secretId, host, port, database, tls }: AgentFact): AgentFact['errorDetails'] {
  const place = Object.entries({ host, port, database, tls }).filter((fact): fact is [string, string | number] => fact[1] !== null);
  return { secretId, permission: 'rotate', ...Object.fromEntries(place) };
}

export function withReceipt(fact: AgentFact, receipt: Receipt, now: number): AgentFact {
  const { rotationId, endedAt, startedAt, outcome } = receipt;
  const ended = { ...withState(fact, 'IDLE', now), step: null, rotationId: null, holdOuts: [], drainDeadlineAt: null, attempt: 0 };
  if (rotationId === null) return ended;
  const durationMs = Math.max(0, Math.round(endedAt - startedAt));
  return { ...ended, lastRotation: { rotationId, endedAt: Math.round(endedAt), durationMs, outcome } };
}

export function withBeat(fact: AgentFact, at: number): AgentFact {
  return { ...fact, beats: [...fact.beats, at].slice(-shownBeats) };
}

/** The agent's true state, as the vault is told. */
export function heartbeatOf(fact: AgentFact): AgentHeartbeat {
  const errorCode = fact.errorCode !== null && /^[A-Za-z0-9_.-]{1,64}$/.test(fact.errorCode) ? fact.errorCode : null;
  const version = fact.isLastKnown === true ? null : fact.version;
  return { secretId: fact.secretId, state: fact.state, rotationId: fact.rotationId, version, errorCode };
}

function stepOf(state: AgentState): AgentFact['step'] | undefined {
  switch (state) {
    case 'RECEIVED':
    case 'PREFLIGHT':
      return 'received';
    case 'SEALED':
    case 'APPLYING':
      return 'sealed';
    case 'APPLIED':
      return 'applied';
    case 'VERIFIED':
    case 'CONFIRMING':
      return 'verified';
    case 'PROMOTED':
      return 'promoted';
    case 'DRAINING':
    case 'WAITING_FOR_DRAIN':
      return 'draining';
    case 'RETIRED':
      return 'retired';
    case 'IDLE':
    case 'STOPPED':
      return null;
    case 'REJECTED':
    case 'ROLLED_BACK':
    case 'SPLIT':
    case 'DRIFT':
    case 'QUARANTINED':
    case 'ACCESS_DENIED':
    case 'JOURNAL_UNAVAILABLE':
    case 'DATABASE_UNREACHABLE':
    case 'VAULT_UNREACHABLE':
      return undefined;
  }
}
