/**
 * Numbers for machine states, journal rows and statements, and the memory of the machine's transitions. The machine is
 * pure, so each (state, event) is computed once by the real `next` and then remembered.
 */
import { begin, next } from '@sikkerkey/core/rotation/machine/next.ts';
import type { MachineRules } from '@sikkerkey/core/rotation/machine/rules.ts';
import type { Event, Row, State, Wish, Work } from '@sikkerkey/core/rotation/machine/state.ts';
import type { Statement } from '@sikkerkey/core/rotation/types.ts';
import { idle } from './world.ts';

/** Every call looks for drift as well: what a call without finds is part of what a call with it finds. */
const wish: Wish = { probe: true, overwriteForeignPassword: false, giveUpRotationId: null, knowsEnded: false };

class Numbering<T> {
  readonly #numbers = new Map<string, number>();
  readonly #values: (T | undefined)[];

  constructor(reserved: number) {
    this.#values = new Array(reserved).fill(undefined);
  }

  numberOf(value: T): number {
    const text = JSON.stringify(value);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#values.push(value) - 1;
    this.#numbers.set(text, number);
    return number;
  }

  valueOf(number: number): T {
    const value = this.#values[number];
    if (value === undefined) throw new Error(`no value has the number ${number}`);
    return value;
  }

  values(): readonly T[] {
    return this.#values.filter((value) => value !== undefined);
  }
}

export class Atlas {
  readonly #rules: MachineRules;
  readonly #states = new Numbering<State>(2);
  readonly #rows = new Numbering<Row>(1);
  readonly #statements = new Numbering<Statement>(0);
  readonly #transitions: Map<string, number>[] = [];
  readonly #beginnings = new Map<string, number>();

  constructor(rules: MachineRules) {
    this.#rules = rules;
  }

  get stateCount(): number {
    return this.#states.values().length;
  }

  /** Where the machine has been, as `place` or `place for goal`. */
  places(): ReadonlySet<string> {
    return new Set(this.#states.values().map((state) => ('statements' in state ? `${state.at} for ${state.work.goal}` : state.at)));
  }

  state(number: number): State {
    return this.#states.valueOf(number);
  }

  row(number: number): Row {
    return this.#rows.valueOf(number);
  }

  rowNumber({ rotationId, epoch, strategy, goal, versions }: Work): number {
    return this.#rows.numberOf({ rotationId, epoch, strategy, goal, versions });
  }

  statement(number: number): Statement {
    return this.#statements.valueOf(number);
  }

  statementNumber(statement: Statement): number {
    return this.#statements.numberOf(statement);
  }

  /** The state in which a call begins that finds this row (0 for none), and this rotation given up by a person. */
  begun(row: number, giveUpRotationId: string | null): number {
    const key = `${row} ${giveUpRotationId}`;
    const known = this.#beginnings.get(key);
    if (known !== undefined) return known;
    const from = { row: row === 0 ? null : this.#rows.valueOf(row), draining: null };
    const number = this.#states.numberOf(begin(from, { ...wish, giveUpRotationId }).state);
    this.#beginnings.set(key, number);
    return number;
  }

  /** The state in which a call begins that takes up this process's own drain again. */
  resumed(work: Work): number {
    return this.#states.numberOf(begin({ row: null, draining: work }, wish).state);
  }

  /** `key` names the event among those that may happen in this state. */
  after(state: number, key: string, event: () => Event): number {
    this.#transitions[state] ??= new Map();
    const known = this.#transitions[state].get(key);
    if (known !== undefined) return known;
    const after = next(this.#states.valueOf(state), event(), this.#rules).state;
    const number = hasEnded(after) ? idle : this.#states.numberOf(after);
    this.#transitions[state].set(key, number);
    return number;
  }
}

/** At rest with nothing to come back to but what the journal and the vault say. */
function hasEnded(state: State): boolean {
  return state.at === 'resting' && (state.rest.kind === 'idle' || state.rest.kind === 'finished');
}
