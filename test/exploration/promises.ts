/** The five promises of rotation-protocol.md: four that hold in every state, and the end that every state can still reach. */
import type { Setting } from './steps.ts';
import { current, dead, idle, label, labelled, type World } from './world.ts';

export type PromiseName = 'I1' | 'I2' | 'I3' | 'I4' | 'I5';

export function brokenPromises(setting: Setting, world: World): readonly PromiseName[] {
  const broken: PromiseName[] = [];
  if (world.restored === 0 && !readersLogIn(setting, world)) broken.push('I1');
  if (forgetsPassword(setting, world)) broken.push('I2');
  if (world.overtaken === 1 || world.labels.filter((one) => one === label.pending).length > 1) broken.push('I3');
  if (world.restored === 0 && world.cancelled === 0 && endedLogsIn(setting, world)) broken.push('I4');
  return broken;
}

function isMoving(world: World): boolean {
  return labelled(world, label.pending) >= 0 || labelled(world, label.previous) >= 0;
}

/** I1: who legitimately holds a version can log in. Without overlap only outside a rotation, with the live version. */
function readersLogIn({ database }: Setting, world: World): boolean {
  const live = current(world);
  for (let version = 0; version < database.versionCount; version += 1) {
    const isHeld = ((world.unnamedHolds >> version) & 1) === 1 || world.cached === version;
    const isExcused = !database.hasOverlap && (version !== live || isMoving(world) || world.cancelled === 1);
    if (!isHeld || isExcused) continue;
    if (!database.logsIn(world.database, version)) return false;
  }
  return true;
}

/** I2: a password that the database may hold is known to the vault or to a journal. */
function forgetsPassword({ database, rules, atlas }: Setting, world: World): boolean {
  let known = 0;
  for (let version = 0; version < database.versionCount; version += 1) {
    const one = world.labels[version];
    if (one !== label.none && (one !== label.retired || rules.keepsEndedValues)) known |= 1 << version;
  }
  for (const agent of world.agents) {
    if (agent.row === 0) continue;
    const { live, pending, previous } = atlas.row(agent.row).versions;
    for (const ref of [live, pending, previous]) if (ref !== null) known |= 1 << ref.version;
  }
  return (database.verifiers(world.database) & ~known) !== 0;
}

/** I4: an ended version cannot log in outside a rotation. */
function endedLogsIn({ database }: Setting, world: World): boolean {
  if (isMoving(world) || !database.logsIn(world.database, current(world))) return false;
  return world.labels.some(
    (one, version) => (one === label.retired || one === label.quarantined) && database.logsIn(world.database, version),
  );
}

/** I5 asks that this can still be reached: everything ended, the live version logs in and nothing else does. */
export function isGood({ database }: Setting, world: World): boolean {
  const live = current(world);
  if (isMoving(world) || world.waiting === 1 || world.inFlight > 0 || world.delayed > 0 || world.restored === 1 || world.cancelled === 1)
    return false;
  if (!world.agents.every((agent) => agent.state === dead || (agent.state === idle && agent.row === 0))) return false;
  return world.labels.every((_, version) => database.logsIn(world.database, version) === (version === live));
}
