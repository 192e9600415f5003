/** What is shown of one agent. A change of its state also goes into the log and to the vault, a rest that is for a person to disk. */
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import type { AgentDeps } from './agent-deps.ts';
import { needsPerson, withFailure } from './agent-facts.ts';
import { shownFailure } from './agent-failures.ts';
import { isForPersonAlone } from './epoch-ahead.ts';
import { keepRest } from './kept-on-disk.ts';

export class ShownFact {
  readonly #deps: Pick<AgentDeps, 'clock' | 'log' | 'show' | 'announce' | 'kept'>;
  #fact: AgentFact;

  constructor(fact: AgentFact, deps: Pick<AgentDeps, 'clock' | 'log' | 'show' | 'announce' | 'kept'>) {
    this.#fact = fact;
    this.#deps = deps;
    deps.show(fact);
  }

  get fact(): AgentFact {
    return this.#fact;
  }

  change(fact: AgentFact): void {
    const before = this.#fact;
    this.#fact = fact;
    this.#deps.show(fact);
    if (before.state === fact.state && before.errorCode === fact.errorCode) return;
    const { secretId, state, rotationId, version, errorCode } = fact;
    this.#deps.log.info('agent-state', { secretId, state, from: before.state, rotationId, version, errorCode });
    if (state === 'QUARANTINED') keepRest(this.#deps, secretId, { state, errorCode });
    else if (before.state === 'QUARANTINED') keepRest(this.#deps, secretId, null);
    this.#deps.announce();
  }

  /** Shows why work could not begin or broke off; what only a person's word moves on stays shown. */
  fail(error: unknown): void {
    const { state, code, details } = shownFailure(error, (unexpected) => this.#deps.log.unexpected('agent-failed', unexpected));
    if (isForPersonAlone(this.#fact.errorCode)) return;
    this.change(withFailure(this.#fact, state, code, details, this.#deps.clock.now()));
  }

  /** As `fail`, for work that broke off: the next run finds anew what a person has to see to, and until then it stays shown. */
  breakOff(error: unknown): void {
    if (needsPerson(this.#fact.state)) this.#deps.log.unexpected('agent-failed', error);
    else this.fail(error);
  }
}
