/**
 * Breadth-first search of every state that the world can reach, with the shortest trace to each broken promise, and a
 * search backwards for the states from which the good end can no longer be reached without another fault (I5).
 */
import { productRules } from '@sikkerkey/core/rotation/machine/rules.ts';
import type { Strategy } from '@sikkerkey/core/rotation/types.ts';
import { agentSteps } from './agents.ts';
import { Atlas } from './atlas.ts';
import { databases } from './databases.ts';
import { brokenPromises, isGood, type PromiseName } from './promises.ts';
import { readerSteps } from './readers.ts';
import { allFaults, allRules, type FaultKind, type Rules } from './rules.ts';
import type { Setting, Steps, Told } from './steps.ts';
import { surroundingSteps } from './surroundings.ts';
import { VaultModel } from './vault.ts';
import { weakenedStrategies } from './weakened-strategies.ts';
import { idle, label, pack, unpack, type World } from './world.ts';

export interface SearchOptions {
  readonly strategy: Strategy;
  readonly rules?: Partial<Rules>;
  readonly faults?: number;
  readonly requests?: number;
  readonly agents?: number;
  readonly faultKinds?: readonly FaultKind[];
  readonly readers?: { readonly sdk: boolean; readonly unnamed: boolean };
  /** Ends at the first broken promise. */
  readonly stopAtFirst?: boolean;
  readonly maxStates?: number;
}

export interface SearchResult {
  readonly states: number;
  readonly machineStates: number;
  readonly places: ReadonlySet<string>;
  readonly isComplete: boolean;
  readonly broken: ReadonlyMap<PromiseName, readonly string[]>;
}

export function search(options: SearchOptions): SearchResult {
  return new Search(options).run();
}

class Search {
  readonly #setting: Setting;
  readonly #options: SearchOptions;
  readonly #numbers = new Map<string, number>();
  readonly #packed: string[] = [];
  readonly #parents = new Growing();
  readonly #from = new Growing();
  readonly #to = new Growing();
  readonly #good: number[] = [];
  readonly #broken = new Map<PromiseName, readonly string[]>();

  constructor(options: SearchOptions) {
    const rules = { ...allRules, ...options.rules };
    const database = databases[options.strategy];
    const machine = { ...productRules, strategies: weakenedStrategies(rules) };
    this.#options = options;
    this.#setting = {
      database,
      rules,
      machine,
      vault: new VaultModel(database, rules),
      atlas: new Atlas(machine),
      faultKinds: options.faultKinds === undefined ? allFaults : new Set(options.faultKinds),
      readers: options.readers ?? { sdk: true, unnamed: true },
    };
  }

  run(): SearchResult {
    const { stopAtFirst = false, maxStates = 12_000_000 } = this.#options;
    this.#number(pack(this.#initial()), 0);
    let at = 0;
    while (at < this.#packed.length && at < maxStates && !(stopAtFirst && this.#broken.size > 0)) {
      this.#visit(at);
      at += 1;
    }
    const isComplete = at === this.#packed.length;
    if (isComplete) this.#findStuck();
    const { atlas } = this.#setting;
    return { states: at, machineStates: atlas.stateCount, places: atlas.places(), isComplete, broken: this.#broken };
  }

  #initial(): World {
    const { database } = this.#setting;
    const { faults = 2, requests = 2, agents = 2 } = this.#options;
    return {
      labels: Array.from({ length: database.versionCount }, (_, version) => (version === 0 ? label.current : label.none)),
      slots: Array.from({ length: database.versionCount }, () => 0),
      waiting: 0,
      epoch: 0,
      owner: 0,
      expired: 0,
      deadlinePassed: 0,
      sdkHolds: 0,
      unnamedHolds: 0,
      cached: -1,
      answer: -1,
      agents: Array.from({ length: agents }, () => ({ state: idle, row: 0, session: 0 })),
      database: database.initial,
      mark: 0,
      backup: -1,
      backupMark: 0,
      inFlight: 0,
      inFlightEpoch: 0,
      delayed: 0,
      delayedEpoch: 0,
      faults,
      requests,
      restored: 0,
      cancelled: 0,
      givenUp: 0,
      overtaken: 0,
    };
  }

  #number(packed: string, parent: number): number {
    const known = this.#numbers.get(packed);
    if (known !== undefined) return known;
    const number = this.#packed.push(packed) - 1;
    this.#numbers.set(packed, number);
    this.#parents.push(parent);
    return number;
  }

  #visit(at: number): void {
    const world = unpack(this.#packed[at] ?? '', this.#setting.database.versionCount);
    for (const name of brokenPromises(this.#setting, world)) {
      if (!this.#broken.has(name)) this.#broken.set(name, this.#trace(at));
    }
    if (isGood(this.#setting, world)) this.#good.push(at);
    this.#steps(world, {
      add: (_, next) => {
        const to = this.#number(pack(next), at);
        if (to === at) return;
        this.#from.push(at);
        this.#to.push(to);
      },
      fault: (_, next) => {
        this.#number(pack(paid(next)), at);
      },
    });
  }

  #steps(world: World, steps: Steps): void {
    surroundingSteps(this.#setting, world, steps);
    readerSteps(this.#setting, world, steps);
    for (let index = 0; index < world.agents.length; index += 1) agentSteps(this.#setting, world, index, steps);
  }

  /** Walks back over the steps that need no fault; the first state that is not met is stuck. */
  #findStuck(): void {
    const count = this.#packed.length;
    const [from, to] = [this.#from, this.#to];
    const start = new Uint32Array(count + 2);
    for (let edge = 0; edge < to.length; edge += 1) start[to.at(edge) + 2] = (start[to.at(edge) + 2] ?? 0) + 1;
    for (let node = 2; node < start.length; node += 1) start[node] = (start[node] ?? 0) + (start[node - 1] ?? 0);
    const back = new Uint32Array(from.length);
    for (let edge = 0; edge < from.length; edge += 1) {
      const node = to.at(edge) + 1;
      back[start[node] ?? 0] = from.at(edge);
      start[node] = (start[node] ?? 0) + 1;
    }
    const met = new Uint8Array(count);
    const stack = [...this.#good];
    for (const node of stack) met[node] = 1;
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      for (let edge = start[node] ?? 0; edge < (start[node + 1] ?? 0); edge += 1) {
        const before = back[edge] ?? 0;
        if (met[before] === 1) continue;
        met[before] = 1;
        stack.push(before);
      }
    }
    const stuck = met.indexOf(0);
    if (stuck >= 0) this.#broken.set('I5', this.#trace(stuck));
  }

  /** The shortest way to a state, in words: found again by taking the steps of each state on it once more. */
  #trace(at: number): readonly string[] {
    const lines: string[] = [];
    for (let node = at; node !== 0; node = this.#parents.at(node)) {
      const wanted = this.#packed[node];
      const told: Told[] = [];
      const parent = unpack(this.#packed[this.#parents.at(node)] ?? '', this.#setting.database.versionCount);
      this.#steps(parent, {
        add: (text, next) => {
          if (pack(next) === wanted) told.push(text);
        },
        fault: (text, next) => {
          if (pack(paid(next)) === wanted) told.push(() => `FAULT ${text()}`);
        },
      });
      lines.push(told[0]?.() ?? 'unknown');
    }
    return lines.reverse();
  }
}

/** One fault less; with the last one goes the backup, which nothing can restore any more. */
function paid(world: World): World {
  const faults = world.faults - 1;
  return faults > 0 ? { ...world, faults } : { ...world, faults, backup: -1, backupMark: 0 };
}

/** Numbers by the million, without an object for each. */
class Growing {
  #values = new Uint32Array(1 << 16);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Uint32Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  at(index: number): number {
    return this.#values[index] ?? 0;
  }
}
