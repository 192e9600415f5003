/** What happens around the agents: the operator, the drain's deadline, what is still in the network, and disasters. */
import { allows, type Setting, type Steps } from './steps.ts';
import { dead, label, labelled, type World } from './world.ts';

export function surroundingSteps(setting: Setting, world: World, steps: Steps): void {
  operatorSteps(setting, world, steps);
  deadlineStep(setting, world, steps);
  networkSteps(setting, world, steps);
  claimSteps(setting, world, steps);
  restoreSteps(setting, world, steps);
  unadoptionStep(setting, world, steps);
  cancelStep(setting, world, steps);
}

function operatorSteps(setting: Setting, world: World, steps: Steps): void {
  if (world.requests <= 0) return;
  const asked = { ...world, requests: world.requests - 1 };
  if (isSteady(world)) steps.add(() => 'the operator asks for a rotation', setting.vault.offer(asked));
  else if (world.waiting === 0) steps.add(() => 'the operator asks for another rotation, which waits', { ...asked, waiting: 1 });
}

function deadlineStep(setting: Setting, world: World, steps: Steps): void {
  const previous = labelled(world, label.previous);
  if (previous < 0 || world.deadlinePassed === 1) return;
  const keep = ~(1 << previous);
  const cached = world.cached === previous ? -1 : world.cached;
  const losesAnswer = world.answer === previous || (world.cached === previous && setting.rules.cachesNeverGoBack);
  const answer = losesAnswer ? -1 : world.answer;
  const { sdkHolds, unnamedHolds } = world;
  steps.add(() => `the drain deadline of v${previous} passes, or retire-now`, {
    ...world,
    deadlinePassed: 1,
    sdkHolds: sdkHolds & keep,
    unnamedHolds: unnamedHolds & keep,
    cached,
    answer,
  });
}

function networkSteps(setting: Setting, world: World, steps: Steps): void {
  if (world.inFlight > 0) {
    const statement = setting.atlas.statement(world.inFlight - 1);
    const without = { ...world, inFlight: 0, inFlightEpoch: 0 };
    steps.add(() => `the server drops ${JSON.stringify(statement)}, left in flight`, without);
    steps.add(
      () => `the server executes ${JSON.stringify(statement)}, left in flight`,
      executed(setting, without, world.inFlight - 1, world.inFlightEpoch),
    );
  }
  if (world.delayed > 0) {
    steps.add(() => `the delayed confirm of v${world.delayed - 1} reaches the vault`, setting.vault.delayedConfirm(world));
  }
}

/** Executes a statement with the epoch of whoever sent it. */
export function executed(setting: Setting, world: World, statement: number, epoch: number): World {
  const database = setting.database.execute(world.database, setting.atlas.statement(statement));
  const isOvertaken = world.mark > epoch && database !== world.database;
  return { ...world, database, mark: Math.max(world.mark, epoch), overtaken: isOvertaken ? 1 : world.overtaken };
}

function claimSteps(setting: Setting, world: World, steps: Steps): void {
  if (world.owner === 0) return;
  const expired = { ...world, owner: 0, expired: 1 };
  if (world.agents[world.owner - 1]?.state === dead) steps.add(() => 'the claim of the lost host expires', expired);
  else if (allows(setting, world, 'claim-expires') && world.agents.length > 1) {
    steps.fault(() => `the claim of agent ${world.owner} expires while it is slow`, expired);
  }
}

function restoreSteps(setting: Setting, world: World, steps: Steps): void {
  if (!allows(setting, world, 'restore')) return;
  if (world.backup < 0) {
    steps.add(() => 'a backup of the database is taken', { ...world, backup: world.database, backupMark: world.mark });
  } else if (world.backup !== world.database || world.inFlight > 0) {
    steps.fault(() => 'the database is restored from the backup', {
      ...world,
      database: world.backup,
      mark: world.backupMark,
      inFlight: 0,
      inFlightEpoch: 0,
      restored: 1,
      agents: world.agents.map((agent) => ({ ...agent, session: 0 })),
    });
  }
}

/** The operator closes the login that is not live and takes the secret out of management. */
function unadoptionStep(setting: Setting, world: World, steps: Steps): void {
  const isForFlip = setting.database.strategy === 'flip';
  if (!isForFlip || world.requests < 0 || !allows(setting, world, 'un-adoption')) return;
  if (setting.rules.unadoptionWaits && (!isSteady(world) || world.owner !== 0)) return;
  const live = world.labels.indexOf(label.current);
  const slot = setting.database.slotNames[world.slots[live] === 0 ? 1 : 0];
  const database = setting.database.execute(world.database, { kind: 'disable', slot });
  steps.fault(() => 'the operator un-adopts: the login that is not live is closed', { ...world, database, requests: -1, waiting: 0 });
}

/** C8: the operator takes a pending rotation back, which the database may hold already; the value is quarantined. */
function cancelStep(setting: Setting, world: World, steps: Steps): void {
  const pending = labelled(world, label.pending);
  if (pending < 0 || !allows(setting, world, 'cancelled')) return;
  const labels = world.labels.with(pending, label.quarantined);
  steps.fault(() => `the operator cancels the rotation to v${pending}`, { ...setting.vault.ended({ ...world, labels }), cancelled: 1 });
}

export function isSteady(world: World): boolean {
  return labelled(world, label.pending) < 0 && labelled(world, label.previous) < 0;
}
