/** The effects of an agent that touch the database, and what an adversary does to them: replies lost, statements left in flight. */
import type { Effect, Event, State, Work } from '@sikkerkey/core/rotation/machine/state.ts';
import { allows, type Told } from './steps.ts';
import { executed } from './surroundings.ts';
import { Turn, workOf } from './turn.ts';

export class DatabaseTurn extends Turn {
  protected inSession(
    number: number,
    state: State,
    effect: Extract<Effect, { kind: 'open-session' | 'ask-epoch' | 'look' | 'execute' }>,
  ): void {
    const { rules, database } = this.setting;
    const world = this.world;
    if (effect.kind === 'open-session') {
      // A newer claim may have left its mark by now, or not.
      if (rules.fence && effect.epoch < world.epoch) this.go(number, 'newer', newerEpoch, world, () => 'is refused by the newer mark');
      const others = rules.fence ? world.agents.map((agent) => ({ ...agent, session: 0 })) : world.agents;
      const fenced = rules.fence ? { ...world, inFlight: 0, inFlightEpoch: 0 } : world;
      const agents = others.with(this.index, { ...this.agent, session: 1 });
      this.go(
        number,
        'open',
        () => ({ kind: 'session-open' }),
        { ...fenced, agents },
        () => 'opens its session and takes the lock',
        undefined,
        1,
      );
      return;
    }
    if (effect.kind === 'ask-epoch') {
      const newestEpoch = rules.fence ? world.epoch : effect.epoch;
      const isNewest = newestEpoch === effect.epoch;
      this.go(
        number,
        `newest ${isNewest}`,
        () => ({ kind: 'epoch-answered', newestEpoch }),
        world,
        () => `asks for the newest epoch: ${isNewest}`,
      );
      return;
    }
    if (this.agent.session === 0) {
      this.go(number, 'lost', sessionLost, world, () => 'finds its session lost');
      return;
    }
    if (effect.kind === 'execute') {
      this.execute(number, effect.statement);
      return;
    }
    const work = workOf(state);
    const looked = (): Event => ({ kind: 'looked', shape: database.look(world.database, work.versions) });
    this.go(number, `looked ${world.database}`, looked, world, () => `looks for ${work.goal}`);
  }

  protected execute(number: number, statement: Extract<Effect, { kind: 'execute' }>['statement']): void {
    const { atlas } = this.setting;
    const epoch = workOf(atlas.state(number)).epoch;
    const sent = atlas.statementNumber(statement);
    const after = executed(this.setting, this.world, sent, epoch);
    const told =
      (what: string): Told =>
      () =>
        `${what} ${JSON.stringify(statement)} (epoch ${epoch})`;
    this.go(number, 'executed', () => ({ kind: 'executed' }), after, told('executes'));
    if (allows(this.setting, this.world, 'reply-lost')) {
      this.go(number, 'lost', sessionLost, after, told('loses the reply to'), undefined, 0, true);
    }
    if (allows(this.setting, this.world, 'in-flight') && this.world.inFlight === 0) {
      const left = { ...this.world, inFlight: sent + 1, inFlightEpoch: epoch };
      this.go(number, 'lost', sessionLost, left, told('loses its connection over'), undefined, 0, true);
    }
  }

  protected observe(number: number, work: Work): void {
    const { database, machine } = this.setting;
    const shape = database.look(this.world.database, work.versions);
    const isDrifted = machine.strategies[work.strategy].isDrifted(shape, work.versions);
    // Who has been overtaken compares with what was true before: that it finds nothing wrong says nothing.
    const hasLooked = !isDrifted && work.epoch === this.world.epoch;
    const world = hasLooked ? this.lookedAt(this.world) : this.world;
    this.go(
      number,
      `observed ${world.database}`,
      () => ({ kind: 'observed', shape }),
      world,
      () => `probes: ${isDrifted ? 'drift' : 'no drift'}`,
    );
  }

  protected verify(number: number, work: Work): void {
    const pending = work.versions.pending?.version ?? -1;
    const isRight = this.setting.database.logsIn(this.world.database, pending);
    const outcome = isRight ? ({ kind: 'verified' } as const) : ({ kind: 'wrong-password' } as const);
    this.go(
      number,
      outcome.kind,
      () => ({ kind: 'verify-answered', outcome }),
      this.world,
      () => `verifies v${pending}: ${outcome.kind}`,
    );
    if (allows(this.setting, this.world, 'unfit')) {
      const unfit = { kind: 'unfit', code: 'unfit' } as const;
      const told = (): string => `finds that v${pending} does not serve the application`;
      this.go(number, 'unfit', () => ({ kind: 'verify-answered', outcome: unfit }), this.world, told, undefined, undefined, true);
    }
  }
}

function newerEpoch(): Event {
  return { kind: 'engine-failed', failure: 'newer-epoch', code: 'newer-epoch' };
}

function sessionLost(): Event {
  return { kind: 'engine-failed', failure: 'session-lost', code: 'lost' };
}
