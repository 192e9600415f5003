/** One state of everything: vault, agents, database, readers, network. Small numbers only, so that it packs into a short string. */
export const label = { none: 0, pending: 1, current: 2, previous: 3, retired: 4, quarantined: 5 } as const;

export interface AgentPart {
  /** Number of the machine's state in the atlas; `idle` and `dead` are beside it. */
  readonly state: number;
  /** Number of the journal row in the atlas; 0 for none. Survives a crash. */
  readonly row: number;
  /** 1 while the database keeps this agent's session. */
  readonly session: number;
}

export interface World {
  readonly labels: readonly number[];
  /** Which login a version uses, 0 or 1. */
  readonly slots: readonly number[];
  /** A rotation waits for the drain. */
  readonly waiting: number;
  /** The newest epoch. */
  readonly epoch: number;
  /** Which agent holds the claim: 0 nobody, else its number + 1. */
  readonly owner: number;
  /** The claim has expired before, so the second agent may act. */
  readonly expired: number;
  readonly deadlinePassed: number;
  /** Bit masks of versions: held by the SDK by the vault's knowledge, and by the reader that names no instance. */
  readonly sdkHolds: number;
  readonly unnamedHolds: number;
  /** What the SDK's cache holds, and the answer that is under way to it; -1 for none. */
  readonly cached: number;
  readonly answer: number;
  readonly agents: readonly AgentPart[];
  readonly database: number;
  /** The newest epoch that has changed the database. */
  readonly mark: number;
  /** Backup of database and mark; -1 for none. */
  readonly backup: number;
  readonly backupMark: number;
  /** A statement that a lost connection left behind: its number + 1, epoch, and agent. */
  readonly inFlight: number;
  readonly inFlightEpoch: number;
  /** A confirm that is still in the network: version + 1, and epoch. */
  readonly delayed: number;
  readonly delayedEpoch: number;
  readonly faults: number;
  /** Rotations that the operator will still ask for; -1 after un-adoption. */
  readonly requests: number;
  /** The database was restored and nobody has looked since. */
  readonly restored: number;
  /** A pending rotation was cancelled, and nobody has looked since whether the database holds it. */
  readonly cancelled: number;
  /** A person has given the pending rotation up at this agent: 0 nowhere, else its number + 1. */
  readonly givenUp: number;
  /** An older epoch changed the database after a newer one. */
  readonly overtaken: number;
}

export const idle = 0;
export const dead = 1;

const agentBytes = 5;

/** One latin-1 character for each byte, so that millions of states fit into memory. */
export function pack(world: World): string {
  const bytes = [
    ...world.labels,
    ...world.slots,
    world.waiting,
    world.epoch,
    world.owner,
    world.expired,
    world.deadlinePassed,
    world.sdkHolds,
    world.unnamedHolds,
    world.cached + 1,
    world.answer + 1,
    world.database,
    world.mark,
    world.backup + 1,
    world.backupMark,
    world.inFlight,
    world.inFlightEpoch,
    world.delayed,
    world.delayedEpoch,
    world.faults,
    world.requests + 1,
    world.restored,
    world.cancelled,
    world.givenUp,
    world.overtaken,
  ];
  for (const agent of world.agents) bytes.push(agent.state >> 8, agent.state & 255, agent.row >> 8, agent.row & 255, agent.session);
  return String.fromCharCode(...bytes);
}

export function unpack(packed: string, versionCount: number): World {
  let at = 0;
  const byte = (): number => packed.charCodeAt(at++);
  const bytes = (count: number): number[] => Array.from({ length: count }, byte);
  return {
    labels: bytes(versionCount),
    slots: bytes(versionCount),
    waiting: byte(),
    epoch: byte(),
    owner: byte(),
    expired: byte(),
    deadlinePassed: byte(),
    sdkHolds: byte(),
    unnamedHolds: byte(),
    cached: byte() - 1,
    answer: byte() - 1,
    database: byte(),
    mark: byte(),
    backup: byte() - 1,
    backupMark: byte(),
    inFlight: byte(),
    inFlightEpoch: byte(),
    delayed: byte(),
    delayedEpoch: byte(),
    faults: byte(),
    requests: byte() - 1,
    restored: byte(),
    cancelled: byte(),
    givenUp: byte(),
    overtaken: byte(),
    agents: Array.from({ length: (packed.length - at) / agentBytes }, () => ({
      state: byte() * 256 + byte(),
      row: byte() * 256 + byte(),
      session: byte(),
    })),
  };
}

/** The version with this label; -1 for none. */
export function labelled(world: World, wanted: number): number {
  return world.labels.indexOf(wanted);
}

export function current(world: World): number {
  return labelled(world, label.current);
}
