/** An agent over parts that a test steers: its vault, its journal, its clock. */
import type { ClaimOutcome, RotationJournal, RotationVault } from '@sikkerkey/core/rotation/ports.ts';
import type { JournalRow } from '@sikkerkey/core/rotation/types.ts';
import { Agent } from '@sikkerkey/daemon/agents/agent.ts';
import type { AgentDeps } from '@sikkerkey/daemon/agents/agent-deps.ts';
import type { EngineOfTarget } from '@sikkerkey/daemon/agents/engine-catalogue.ts';
import { configuration, fact } from '@sikkerkey/daemon/agents/fixture.ts';
import { ResumeWatch } from '@sikkerkey/daemon/agents/resume-watch.ts';
import { createDaemonLog } from '@sikkerkey/daemon/log/daemon-log.ts';
import { FakeClock } from './fake-clock.ts';

export const random = { bytes: (length: number) => new Uint8Array(length), fraction: () => 0.5 };
export const log = createDaemonLog(random, { write: () => undefined }, 'silent');

export function makeAgent(
  prepare: AgentDeps['prepare'],
  row: JournalRow | null = null,
  shown = fact(),
): { agent: Agent; clock: FakeClock; states: string[]; announced: () => number } {
  const clock = new FakeClock();
  const resumeWatch = new ResumeWatch(clock);
  const states: string[] = [];
  let announced = 0;
  const agent = new Agent(shown, {
    clock,
    random,
    log,
    journal: () => journalOf(row),
    prepare,
    probePeriodMs: () => 600_000,
    firstProbeInMs: () => 10_000,
    firstLookWithinMs: () => 0,
    heldForMs: () => resumeWatch.heldForMs(),
    show: (changed) => states.push(changed.state),
    announce: () => {
      announced += 1;
    },
    boundary: () => undefined,
    settle: () => Promise.resolve(null),
    kept: { keepRest: () => undefined, givenUp: () => null, isLeavingSlots: () => false },
  });
  return { agent, clock, states, announced: () => announced };
}

export const journalOf = (row: JournalRow | null): RotationJournal => ({
  read: () => Promise.resolve(row),
  write: () => Promise.resolve(),
  finish: () => Promise.resolve(),
  knownServer: () => Promise.resolve(null),
});

export const notAsked = (): Promise<never> => Promise.reject(new Error('not asked in this test'));

const unplanned = (): never => {
  throw new Error('not asked in this test');
};

/** A vault that has nothing to do for the agent, and counts how often it was asked. */
export function vaultWithNothing(
  row: JournalRow | null,
  epochAhead: () => Promise<number | null> = notAsked,
): { claims: () => number; prepare: AgentDeps['prepare'] } {
  let asked = 0;
  const claim = (): Promise<ClaimOutcome> => {
    asked += 1;
    return Promise.resolve({ kind: 'nothing' });
  };
  const vault: RotationVault = {
    claim,
    newestEpoch: notAsked,
    confirm: notAsked,
    reject: notAsked,
    drain: notAsked,
    retired: notAsked,
    release: notAsked,
  };
  const rotation = { openSession: notAsked, verify: notAsked, observe: notAsked, sessionsOf: notAsked };
  const exits = { plan: unplanned, texts: unplanned, missingSlots: unplanned, slotRemoval: unplanned };
  const slots = { prepareAdoption: notAsked, recreateSlots: notAsked, finishUnAdoption: notAsked };
  const reads = { inspect: notAsked, identify: notAsked, isServerOf: notAsked, markedEpoch: unplanned };
  const engine: EngineOfTarget = { rotation, plan: unplanned, exits, ...reads, ...slots };
  const drive = { vault, journal: journalOf(row) };
  return { claims: () => asked, prepare: () => Promise.resolve({ configuration, engine, drive, standing: null, epochAhead }) };
}

/** The same, but that `claim` answers for the vault; `ask` is what the vault itself answers. */
export function claimingBy(
  prepare: AgentDeps['prepare'],
  claim: (ask: () => Promise<ClaimOutcome>) => Promise<ClaimOutcome>,
): AgentDeps['prepare'] {
  return async (secretId, ...how) => {
    const prepared = await prepare(secretId, ...how);
    const { vault } = prepared.drive;
    const between: RotationVault = { ...vault, claim: (...asked) => claim(() => vault.claim(...asked)) };
    return { ...prepared, drive: { ...prepared.drive, vault: between } };
  };
}
