/**
 * The agents: each performs the one outstanding effect of its machine against the world, and the machine says what
 * follows. Crashes and lost hosts are the adversary's.
 */
import { effectOf } from '@sikkerkey/core/rotation/machine/effects.ts';
import type { Effect, Event, State, Work } from '@sikkerkey/core/rotation/machine/state.ts';
import { DatabaseTurn } from './database-turn.ts';
import { allows, type Setting, type Steps } from './steps.ts';
import { isSteady } from './surroundings.ts';
import { workOf } from './turn.ts';
import { rotationIdOf, versionOf } from './vault.ts';
import { dead, idle, label, labelled, type World } from './world.ts';

export function agentSteps(setting: Setting, world: World, index: number, steps: Steps): void {
  const agent = world.agents[index];
  if (agent === undefined || agent.state === dead) return;
  new AgentTurn(setting, world, index, agent, steps).list();
}

class AgentTurn extends DatabaseTurn {
  list(): void {
    const { state: number, row } = this.agent;
    this.giveUp(number);
    if (number === idle) {
      this.begin(row);
      return;
    }
    this.disasters();
    const state = this.setting.atlas.state(number);
    if (state.at === 'resting') this.resume(state);
    else this.perform(number, state);
  }

  /** A call begins: with a row it claims anew, without one it claims what the vault has, or a repair where there is drift. */
  protected begin(row: number): void {
    const { atlas, database, machine } = this.setting;
    const world = this.world;
    const begun = atlas.begun(row, this.givenUpHere());
    if (row === 0) {
      if (!this.mayClaim()) return;
      if (isSteady(world)) {
        const versions = this.setting.vault.claim(world, this.index, 'repair').grant.versions;
        const shape = database.look(world.database, versions);
        if (!machine.strategies[database.strategy].isDrifted(shape, versions) && this.lookedAt(world) === world) return;
      }
    }
    this.claim(begun);
  }

  protected givenUpHere(): string | null {
    const pending = labelled(this.world, label.pending);
    return pending >= 0 && this.world.givenUp === this.index + 1 ? rotationIdOf(pending) : null;
  }

  /** A person gives the pending rotation up: what this agent has under way is interrupted, and it begins anew. */
  protected giveUp(number: number): void {
    const { setting, world } = this;
    if (labelled(world, label.pending) < 0 || world.givenUp !== 0 || !allows(setting, world, 'given-up')) return;
    const interrupted = { ...this.with(world, { ...this.agent, state: idle, session: 0 }), givenUp: this.index + 1 };
    const told = this.named(() => 'is told to give the pending rotation up');
    this.steps.fault(told, interrupted);
    const effect = number === idle ? null : effectOf(setting.atlas.state(number));
    if (effect?.kind !== 'execute' || this.agent.session === 0 || world.inFlight > 0) return;
    const inFlight = setting.atlas.statementNumber(effect.statement) + 1;
    const inFlightEpoch = workOf(setting.atlas.state(number)).epoch;
    this.steps.fault(told, { ...interrupted, inFlight, inFlightEpoch });
  }

  protected mayClaim(): boolean {
    const { owner, expired } = this.world;
    return (owner === 0 || owner === this.index + 1) && (this.index === 0 || expired === 1);
  }

  protected claim(number: number): void {
    const { atlas, vault } = this.setting;
    const state = atlas.state(number);
    if (state.at !== 'claiming') throw new Error(`a call begins with ${state.at}`);
    if (!this.mayClaim()) {
      this.go(
        number,
        'held',
        () => ({ kind: 'held-by-another', retryInMs: 1 }),
        this.world,
        () => 'another holds the claim',
      );
      return;
    }
    if (state.purpose === 'work' && isSteady(this.world)) {
      this.go(
        number,
        'nothing',
        () => ({ kind: 'nothing-to-claim' }),
        this.world,
        () => 'the vault has nothing',
      );
      return;
    }
    const { world, grant } = vault.claim(this.world, this.index, state.purpose);
    const key = `claimed ${world.labels.join('')} ${world.slots.join('')} ${grant.epoch}`;
    this.go(
      number,
      key,
      () => ({ kind: 'claimed', grant }),
      world,
      () => `claims epoch ${grant.epoch}, ${grant.phase}`,
    );
  }

  /** A drain at rest: asked about again by its own process. Blocked: nobody but a person goes on. */
  protected resume(state: Extract<State, { at: 'resting' }>): void {
    if (state.rest.kind !== 'draining' || state.work === null) return;
    const number = this.setting.atlas.resumed(state.work);
    this.drain(number, state.work);
  }

  protected perform(number: number, state: State): void {
    const effect = effectOf(state);
    if (effect === null) throw new Error(`nothing to do while ${state.at}`);
    switch (effect.kind) {
      case 'claim':
        this.claim(number);
        return;
      case 'write-row':
        this.done(
          number,
          'row-written',
          { ...this.world },
          `writes the row ${effect.work.goal}`,
          this.setting.atlas.rowNumber(effect.work),
        );
        return;
      case 'finish-row':
        this.done(number, 'row-finished', this.world, `finishes its row: ${effect.outcome}`, 0);
        return;
      case 'release':
        this.done(number, 'released', this.world.owner === this.index + 1 ? { ...this.world, owner: 0 } : this.world, 'releases');
        return;
      case 'open-session':
      case 'ask-epoch':
      case 'look':
      case 'execute':
        this.inSession(number, state, effect);
        return;
      case 'observe':
        this.observe(number, workOf(state));
        return;
      case 'count-sessions':
        this.go(
          number,
          'none',
          () => ({ kind: 'sessions-counted', holdOuts: [] }),
          this.world,
          () => 'counts no sessions',
        );
        return;
      case 'verify':
        this.verify(number, workOf(state));
        return;
      case 'drain':
        this.drain(number, workOf(state));
        return;
      case 'confirm':
        this.confirm(number, versionOf(effect.rotationId), effect.epoch);
        return;
      case 'reject':
      case 'report-retired':
        this.end(number, effect);
        return;
      default:
        throw new Error('unknown effect', { cause: effect satisfies never });
    }
  }

  protected confirm(number: number, version: number, epoch: number): void {
    const { world, outcome } = this.setting.vault.confirm(this.world, version, epoch);
    this.go(
      number,
      outcome.kind,
      () => ({ kind: 'confirm-answered', outcome }),
      world,
      () => `confirms v${version}: ${outcome.kind}`,
    );
    if (world === this.world) return;
    if (allows(this.setting, this.world, 'confirm-lost')) {
      this.steps.fault(
        this.named(() => `confirms v${version}: promoted, the reply is lost`),
        world,
      );
    }
    if (allows(this.setting, this.world, 'confirm-delayed') && this.world.delayed === 0) {
      const delayed = { ...this.world, delayed: version + 1, delayedEpoch: epoch };
      this.steps.fault(
        this.named(() => `sends the confirm of v${version}, which is delayed`),
        delayed,
      );
    }
  }

  protected drain(number: number, work: Work): void {
    const version = versionOf(work.rotationId ?? '');
    const outcome = this.setting.vault.drain(this.world, version, work.epoch);
    this.go(
      number,
      outcome.kind,
      () => ({ kind: 'drain-answered', outcome }),
      this.world,
      () => `asks who holds the version before: ${outcome.kind}`,
    );
  }

  protected end(number: number, effect: Extract<Effect, { kind: 'reject' | 'report-retired' }>): void {
    const { vault } = this.setting;
    const version = versionOf(effect.rotationId);
    const isReject = effect.kind === 'reject';
    const after = isReject ? vault.reject(this.world, version, effect.epoch) : vault.retired(this.world, version, effect.epoch);
    const event = (): Event =>
      isReject
        ? { kind: 'reject-answered', outcome: after === null ? 'over' : 'rejected' }
        : { kind: 'retired-answered', outcome: after === null ? 'over' : 'retired' };
    const told = (): string => `reports ${effect.kind} of v${version}${after === null ? ': it is over' : ''}`;
    this.go(number, after === null ? 'over' : 'done', event, after ?? this.world, told);
    if (after !== null && allows(this.setting, this.world, 'reply-lost')) {
      this.steps.fault(
        this.named(() => `${told()}, the reply is lost`),
        after,
      );
    }
  }

  /** The process dies at this place, or its host for ever. */
  protected disasters(): void {
    const world = this.world;
    const state = this.setting.atlas.state(this.agent.state);
    if (allows(this.setting, world, 'crash')) {
      const crashed = this.with(world, { ...this.agent, state: idle, session: 0 });
      this.steps.fault(
        this.named(() => `crashes while ${state.at}`),
        crashed,
      );
      if (state.at === 'executing' && this.agent.session === 1 && world.inFlight === 0) {
        const effect = effectOf(state);
        if (effect?.kind !== 'execute') throw new Error('nothing is being executed');
        const inFlight = this.setting.atlas.statementNumber(effect.statement) + 1;
        this.steps.fault(
          this.named(() => 'crashes with its statement in flight'),
          { ...crashed, inFlight, inFlightEpoch: state.work.epoch },
        );
      }
    }
    if (allows(this.setting, world, 'host-lost') && this.index === 0 && world.agents.length > 1 && world.owner === 1) {
      const lost = { ...this.with(world, { state: dead, row: 0, session: 0 }), expired: 1 };
      this.steps.fault(
        this.named(() => `is lost with its host and its journal while ${state.at}`),
        lost,
      );
    }
  }
}
