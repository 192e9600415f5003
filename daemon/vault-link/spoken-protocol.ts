/**
 * Which protocol a vault speaks, as far as this host knows. Once /v2 was heard it is kept for ever, durably: in a vault
 * with claims and drains no stray answer may be taken for their absence. Where it is not /v2, it is asked again now and then.
 */
import { jitterAround } from '@sikkerkey/core/backoff.ts';
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import type { VaultClient } from '@sikkerkey/core/vault-client/client.ts';
import { VaultRefusal } from '@sikkerkey/core/vault-client/refusal.ts';
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';

/** How long a vault of the published protocol is taken for one, ±30 %. */
const askAgainAfterMs = 300_000;

/** Kept beside the agents; outlives the process. */
export interface ProtocolMemory {
  isKnownV2(): boolean;
  rememberV2(): void;
}

export interface SpokenProtocolDeps {
  readonly client: Pick<VaultClient, 'spokenProtocol'>;
  readonly memory: ProtocolMemory;
  readonly clock: Clock;
  readonly random: Random;
}

export class KnownProtocol {
  readonly #deps: SpokenProtocolDeps;
  #current: VaultFact['protocol'];
  #askAgainAt = 0;

  constructor(deps: SpokenProtocolDeps) {
    this.#deps = deps;
    this.#current = deps.memory.isKnownV2() ? 'v2' : 'unknown';
  }

  get current(): VaultFact['protocol'] {
    return this.#current;
  }

  /** Whether it should be asked for even though the vault answers. */
  get isDue(): boolean {
    return this.#current === 'unknown' || (this.#current === 'published' && this.#deps.clock.monotonic() >= this.#askAgainAt);
  }

  /** Asks the vault; whether it is sealed. Throws VaultRefusal (temporary) or TransportFailure when the answer tells nothing. */
  async ask(signal: AbortSignal): Promise<{ readonly sealed: boolean }> {
    const { client, memory, clock, random } = this.#deps;
    const spoken = await client.spokenProtocol({ signal });
    if (spoken.kind === 'v2') {
      if (!memory.isKnownV2()) memory.rememberV2();
      this.#current = 'v2';
      return { sealed: spoken.capabilities.sealed };
    }
    // Something else answers for a vault of ours, or for one that nobody knows yet.
    if (this.#current === 'v2' || (this.#current === 'unknown' && spoken.kind === 'unknown')) {
      throw new VaultRefusal(502, 'vault-answer-unreadable', {}, null);
    }
    this.#current = 'published';
    this.#askAgainAt = clock.monotonic() + jitterAround(askAgainAfterMs, 0.3, random);
    return { sealed: false };
  }
}
