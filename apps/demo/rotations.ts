/**
 * The rotations as the daemon reports them: which step each is in and when it got there. Fed with what `sikkerkey agent
 * start` prints, and with the vault's own times once a rotation is over.
 */
import { type AgentFact, agentFact, railSteps } from '@sikkerkey/protocol/local/state.ts';

export type RailStep = (typeof railSteps)[number];

export interface TrackedRotation {
  readonly number: number;
  readonly rotationId: string;
  /** Wall clock of each step that was seen, by the daemon's word. */
  readonly stepAt: ReadonlyMap<RailStep, number>;
  readonly step: RailStep;
  readonly version: number | null;
  /** By the vault's clock; null until the vault was asked. */
  readonly promotedMs: number | null;
  readonly retiredMs: number | null;
  readonly outcome: 'under way' | 'retired' | 'rejected';
}

interface Entry {
  number: number;
  rotationId: string;
  stepAt: Map<RailStep, number>;
  step: RailStep;
  version: number | null;
  promotedMs: number | null;
  retiredMs: number | null;
  outcome: TrackedRotation['outcome'];
}

/** A rotation as `sikkerkey admin rotations` tells it. */
export interface VaultRecord {
  readonly rotationId: string;
  readonly version: number;
  readonly state: string;
  readonly requestedAt: number;
  readonly promotedAt: number | null;
  readonly endedAt: number | null;
}

export type RotationChange =
  | { readonly kind: 'begun'; readonly rotation: TrackedRotation }
  | { readonly kind: 'step'; readonly rotation: TrackedRotation }
  | { readonly kind: 'promoted'; readonly rotation: TrackedRotation }
  | { readonly kind: 'over'; readonly rotation: TrackedRotation }
  | { readonly kind: 'waiting-for-drain'; readonly rotation: TrackedRotation };

export class Rotations {
  readonly #entries: Entry[] = [];
  readonly #onChange: (change: RotationChange) => void;
  #agent: AgentFact | null = null;

  constructor(onChange: (change: RotationChange) => void) {
    this.#onChange = onChange;
  }

  get all(): readonly TrackedRotation[] {
    return this.#entries;
  }

  get last(): TrackedRotation | null {
    return this.#entries.at(-1) ?? null;
  }

  get agent(): AgentFact | null {
    return this.#agent;
  }

  /** Rotations whose new version became live. */
  get promoted(): number {
    return this.#entries.filter((entry) => isPromoted(entry)).length;
  }

  /** Takes one JSON line of `agent start`; what is no agent fact is not for us. */
  learn(object: unknown): void {
    const parsed = agentFact.safeParse(object);
    if (!parsed.success) return;
    const fact = parsed.data;
    this.#agent = fact;
    if (fact.rotationId !== null && fact.step !== null) this.#learnStep(fact, fact.rotationId, fact.step);
    if (fact.lastRotation !== null) this.#learnEnd(fact.lastRotation);
  }

  /** The vault's own times, which count for the report. */
  learnRecords(records: readonly VaultRecord[]): void {
    for (const record of records) {
      const entry = this.#entries.find(({ rotationId }) => rotationId === record.rotationId);
      if (entry === undefined) continue;
      entry.version = record.version;
      entry.promotedMs = record.promotedAt === null ? null : record.promotedAt - record.requestedAt;
      entry.retiredMs = record.endedAt === null ? null : record.endedAt - record.requestedAt;
    }
  }

  #learnStep(fact: AgentFact, rotationId: string, step: RailStep): void {
    let entry = this.#entries.find((known) => known.rotationId === rotationId);
    if (entry === undefined) {
      entry = this.#begin(rotationId, step, fact);
      this.#onChange({ kind: 'begun', rotation: entry });
    }
    if (entry.outcome !== 'under way') return;
    const wasPromoted = isPromoted(entry);
    if (!entry.stepAt.has(step)) entry.stepAt.set(step, fact.since);
    if (railSteps.indexOf(step) < railSteps.indexOf(entry.step)) return;
    const isNew = entry.step !== step;
    entry.step = step;
    if (isPromoted(entry) && fact.version !== null) entry.version = fact.version;
    if (isNew) this.#onChange({ kind: 'step', rotation: entry });
    if (!wasPromoted && isPromoted(entry)) this.#onChange({ kind: 'promoted', rotation: entry });
    if (step === 'retired') this.#end(entry, 'retired');
    else if (fact.state === 'WAITING_FOR_DRAIN') this.#onChange({ kind: 'waiting-for-drain', rotation: entry });
  }

  #learnEnd({ rotationId, outcome, endedAt }: NonNullable<AgentFact['lastRotation']>): void {
    const entry = this.#entries.find((known) => known.rotationId === rotationId);
    if (entry === undefined || entry.outcome !== 'under way') return;
    const isRetired = outcome !== 'rejected';
    if (isRetired && !isPromoted(entry)) {
      entry.step = 'promoted';
      this.#onChange({ kind: 'promoted', rotation: entry });
    }
    if (isRetired) {
      entry.step = 'retired';
      if (!entry.stepAt.has('retired')) entry.stepAt.set('retired', endedAt);
    }
    this.#end(entry, isRetired ? 'retired' : 'rejected');
  }

  #begin(rotationId: string, step: RailStep, fact: AgentFact): Entry {
    const entry: Entry = {
      number: this.#entries.length + 1,
      rotationId,
      stepAt: new Map([[step, fact.since]]),
      step,
      version: null,
      promotedMs: null,
      retiredMs: null,
      outcome: 'under way',
    };
    this.#entries.push(entry);
    return entry;
  }

  #end(entry: Entry, outcome: 'retired' | 'rejected'): void {
    entry.outcome = outcome;
    this.#onChange({ kind: 'over', rotation: entry });
  }
}

function isPromoted(entry: Entry): boolean {
  return railSteps.indexOf(entry.step) >= railSteps.indexOf('promoted');
}
