/**
 * Operators act through the daemon, which keeps their keys as it keeps a machine's and signs their calls: the front ends
 * hold none. One operator for each vault; one signed client for each, made on first use.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';
import { signingKeyFromSeed } from '@sikkerkey/core/identity/signing-key.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import { createVaultClient, type VaultClient } from '@sikkerkey/core/vault-client/client.ts';
import { VaultRefusal } from '@sikkerkey/core/vault-client/refusal.ts';
import type { VaultTransport } from '@sikkerkey/core/vault-client/transport.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { isIdentifier } from '@sikkerkey/protocol/identifiers.ts';
import type { OperatorAnswer, OperatorBody, OperatorRoute } from '@sikkerkey/protocol/vault/operator.ts';
import type { IdentityFiles, OperatorIdentity } from './identity-files.ts';
import { vaultAddress } from './vault-address.ts';

export interface OperatorsDeps {
  readonly files: IdentityFiles;
  readonly clock: Clock;
  readonly random: Random;
  openTransport(baseUrl: string): VaultTransport;
}

export interface NewOperator {
  readonly vaultId: string | undefined;
  readonly apiUrl: string;
  readonly operatorId: string;
  /** Base64 of the 32-byte seed. */
  readonly key: string;
  /** A person says that a vault known here under another address has moved to this one. */
  readonly hasMoved: boolean;
}

export class Operators {
  readonly #deps: OperatorsDeps;
  readonly #clients = new Map<string, VaultClient>();

  constructor(deps: OperatorsDeps) {
    this.#deps = deps;
  }

  /** Proves the key with a signed call, then keeps it. Throws CatalogueError, VaultRefusal or TransportFailure. */
  async add(operator: NewOperator, signal: AbortSignal): Promise<{ readonly vaultId: string; readonly operatorId: string }> {
    const apiUrl = vaultAddress(operator.apiUrl);
    const seed = Buffer.from(operator.key, 'base64');
    if (seed.length !== 32 || seed.toString('base64') !== operator.key) throw new CatalogueError('operator-key-invalid', {});
    const key = signingKeyFromSeed(seed);
    const client = this.#connect({ vaultId: '', apiUrl, operatorId: operator.operatorId, key });
    try {
      const { vaultId } = await client.operator('status', {}, { signal });
      if (operator.vaultId !== undefined && operator.vaultId !== vaultId)
        throw new CatalogueError('vault-unknown', { vaultId: operator.vaultId });
      if (!operator.hasMoved) await this.#requireSameAddress(vaultId, apiUrl);
      await this.#deps.files.keepOperator({ vaultId, apiUrl, operatorId: operator.operatorId, key });
      await this.#forget(vaultId);
      return { vaultId, operatorId: operator.operatorId };
    } finally {
      await client.close();
    }
  }

  /** One call in the operator's name; never sent twice by itself. */
  async call<R extends OperatorRoute>(
    vaultId: string | undefined,
    route: R,
    body: OperatorBody<R>,
    signal: AbortSignal,
  ): Promise<OperatorAnswer<R>> {
    const client = await this.#clientOf(vaultId);
    return client.operator(route, body, { signal });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.keys()].map((vaultId) => this.#forget(vaultId)));
  }

  async #clientOf(vaultId: string | undefined): Promise<VaultClient> {
    const chosen = vaultId ?? (await this.#onlyVault());
    const known = this.#clients.get(chosen);
    if (known !== undefined) return known;
    const identity = await this.#deps.files.operator(chosen);
    if (identity === null) throw new CatalogueError('operator-unknown', {});
    const client = this.#clients.get(chosen) ?? this.#connect(identity);
    this.#clients.set(chosen, client);
    return client;
  }

  async #onlyVault(): Promise<string> {
    const vaultIds = await this.#deps.files.vaultIds();
    const operators = await Promise.all(vaultIds.map((vaultId) => this.#deps.files.operator(vaultId)));
    const [only, ...others] = operators.filter((operator) => operator !== null);
    if (only === undefined) throw new CatalogueError('operator-unknown', {});
    if (others.length > 0) throw new CatalogueError('vault-not-chosen', { count: others.length + 1 });
    return only.vaultId;
  }

  /** Any server can answer with the id of a known vault. Throws CatalogueError `vault-address-differs`. */
  async #requireSameAddress(vaultId: string, apiUrl: string): Promise<void> {
    if (!isIdentifier(vaultId)) throw new VaultRefusal(502, 'vault-answer-unreadable', {}, null);
    const known = await this.#deps.files.operator(vaultId);
    if (known !== null && known.apiUrl !== apiUrl) {
      throw new CatalogueError('vault-address-differs', { vaultId, knownUrl: known.apiUrl, apiUrl });
    }
  }

  #connect(identity: OperatorIdentity): VaultClient {
    const { clock, random } = this.#deps;
    return createVaultClient({
      baseUrl: identity.apiUrl,
      identity: { kind: 'operator', id: identity.operatorId, key: identity.key },
      transport: this.#deps.openTransport(identity.apiUrl),
      clock,
      random,
    });
  }

  async #forget(vaultId: string): Promise<void> {
    const client = this.#clients.get(vaultId);
    this.#clients.delete(vaultId);
    await client?.close();
  }
}
