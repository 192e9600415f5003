/**
 * One agent at one moment: gives its machine an event, puts what follows into the world, and tells the step. Where the
 * machine leaves its session, the driver closes it, so the world does too.
 */
import { holdsSession } from '@sikkerkey/core/rotation/machine/effects.ts';
import type { Event, State, Work } from '@sikkerkey/core/rotation/machine/state.ts';
import type { Setting, Steps, Told } from './steps.ts';
import { type AgentPart, dead, idle, type World } from './world.ts';

export class Turn {
  protected readonly setting: Setting;
  protected readonly world: World;
  protected readonly index: number;
  protected readonly agent: AgentPart;
  protected readonly steps: Steps;

  constructor(setting: Setting, world: World, index: number, agent: AgentPart, steps: Steps) {
    this.setting = setting;
    this.world = world;
    this.index = index;
    this.agent = agent;
    this.steps = steps;
  }

  /** The machine takes the event; where it leaves the session, the driver closes it. */
  protected go(
    number: number,
    key: string,
    event: () => Event,
    world: World,
    told: Told,
    row?: number,
    session?: number,
    isFault = false,
  ): void {
    const { atlas } = this.setting;
    const after = atlas.after(number, key, event);
    const state = after === idle ? null : atlas.state(after);
    const keepsSession = state !== null && holdsSession(state);
    const part = { state: after, row: row ?? this.agent.row, session: keepsSession ? (session ?? this.agent.session) : 0 };
    const mended = hasMended(atlas.state(number), state) ? this.lookedAt(world) : world;
    const next = this.with(mended, part);
    if (isFault) this.steps.fault(this.named(told), next);
    else this.steps.add(this.named(told), next);
  }

  protected done(number: number, kind: 'row-written' | 'row-finished' | 'released', world: World, told: string, row?: number): void {
    this.go(
      number,
      kind,
      () => ({ kind }),
      world,
      () => told,
      row,
    );
  }

  /**
   * Nothing is unseen any more, but what an agent may still do for a cancelled rotation: a probe does not stop it, so only
   * the one after its end counts. The product probes for ever.
   */
  protected lookedAt(world: World): World {
    const mayFollow =
      world.inFlight > 0 || world.agents.some((agent, index) => index !== this.index && agent.state !== idle && agent.state !== dead);
    const cancelled = mayFollow ? world.cancelled : 0;
    return world.restored === 0 && world.cancelled === cancelled ? world : { ...world, restored: 0, cancelled };
  }

  protected with(world: World, part: AgentPart): World {
    return { ...world, agents: world.agents.with(this.index, part) };
  }

  protected named(told: Told): Told {
    return () => `agent ${this.index + 1} ${told()}`;
  }
}

/** A repair has just been completed, or a retirement, which leaves the live login alone as well. */
function hasMended(before: State, after: State | null): boolean {
  if (before.at !== 'executing' && before.at !== 'looking') return false;
  switch (before.work.goal) {
    case 'repair':
    case 'repair-while-draining':
      return after?.at === 'finishing' || after?.at === 'journalling';
    case 'retire':
      return after?.at === 'reporting-retired';
    default:
      return false;
  }
}

export function workOf(state: State): Work {
  if ('work' in state && state.work !== null && 'refusedLogins' in state.work) return state.work;
  throw new Error(`no work while ${state.at}`);
}
