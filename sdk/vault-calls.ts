/**
 * What the SDK asks of a vault, in either protocol, with the published retry rule (429, 503 and no answer: 1, 2, 4 s,
 * each attempt freshly signed) and the SDK's own errors. Under /v2 answers carry the version; under /v1 none is known.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import type { CallOptions, VaultClient } from '@sikkerkey/core/vault-client/client.ts';
import { isObject, VaultRefusal } from '@sikkerkey/core/vault-client/refusal.ts';
import { TransportFailure } from '@sikkerkey/core/vault-client/transport.ts';
import { errorCatalogue, isErrorCode } from '@sikkerkey/protocol/error-catalogue.ts';
import { isIdentifier } from '@sikkerkey/protocol/identifiers.ts';
import type { VaultEvent } from '@sikkerkey/protocol/vault/machine.ts';
import { ApiError, apiErrorOf, ConfigurationError, type SikkerKeyError } from './errors.ts';
import { KnownProtocol } from './known-protocol.ts';

/** Who reads: one run of a process, and one of its pools. The vault remembers what it served to each (rule 3). */
export interface ReaderName {
  readonly instance: string;
  readonly pool: string;
}

/** The reads of a program that prints a value and ends. `heldForMs`: how long it may be in use; null: until the drain deadline. */
export interface CommandLineUse {
  readonly heldForMs: number | null;
}

export interface SecretAnswer {
  readonly value: string;
  /** Null from a vault that speaks only the published protocol. */
  readonly version: number | null;
}

export interface SecretListItem {
  readonly id: string;
  readonly name: string;
  readonly fieldNames: string | null;
  readonly projectId: string | null;
}

export interface ExportedSecret {
  readonly name: string;
  readonly value: string;
  readonly fieldNames: string | null;
}

/** How one secret stands, as a poll of either protocol tells it. */
export interface PolledSecret {
  readonly secretId: string;
  readonly status: 'unchanged' | 'changed' | 'deleted' | 'denied';
  /** The live version; null where the protocol does not tell it. */
  readonly version: number | null;
}

const retryDelaysMs = [1000, 2000, 4000];
const calmly: CallOptions = { timeoutMs: 15_000, retryDelaysMs: [] };

export class VaultCalls {
  readonly #client: VaultClient;
  readonly #clock: Clock;
  readonly #closing: AbortSignal;
  readonly #protocol: KnownProtocol;

  constructor(client: VaultClient, clock: Clock, random: Random, closing: AbortSignal) {
    this.#client = client;
    this.#clock = clock;
    this.#closing = closing;
    const askOnce = (): Promise<'v2' | 'published'> => this.#spokenProtocol();
    this.#protocol = new KnownProtocol({ ask: () => this.#withRetries(askOnce, saysNothing), askOnce }, clock, random);
  }

  /** Whether the vault tells versions and pushes changes. Throws ApiError while nobody has said so either way. */
  speaksV2(): Promise<boolean> {
    return this.#protocol.speaksV2();
  }

  /** The live value; under /v2 serving it makes the named reader, or this machine's command line, a holder of its version. */
  async read(secretId: string, reader: ReaderName, commandLine?: CommandLineUse): Promise<SecretAnswer> {
    requireSecretId(secretId);
    if (await this.speaksV2()) {
      const body = { secretId, ...reader, ...(commandLine === undefined ? {} : { commandLine }) };
      const answer = await this.#withRetries(() => this.#client.machine('readSecret', body, this.#options()));
      return { value: answer.value, version: answer.version };
    }
    const answer = await this.#v1('GET', `/v1/secret/${secretId}`, null);
    if (typeof answer['value'] !== 'string') throw unreadable();
    return { value: answer['value'], version: null };
  }

  async list(projectId?: string): Promise<SecretListItem[]> {
    const answer = await (projectId === undefined
      ? this.#v1('GET', '/v1/secrets', null)
      : this.#v1('POST', '/v1/secrets/list', { projectId }));
    return objectsOf(answer['secrets']).map((item) => ({
      id: textOf(item['id']),
      name: textOf(item['name']),
      fieldNames: nullableTextOf(item['fieldNames']),
      projectId: nullableTextOf(item['projectId']),
    }));
  }

  async export(projectId?: string): Promise<ExportedSecret[]> {
    const answer = await this.#v1('POST', '/v1/secrets/export', projectId === undefined ? null : { projectId });
    return objectsOf(answer['secrets']).map((item) => ({
      name: textOf(item['name']),
      value: textOf(item['value']),
      fieldNames: nullableTextOf(item['fieldNames']),
    }));
  }

  /** One attempt only: whoever polls comes back by itself. */
  async poll(secretIds: readonly string[]): Promise<PolledSecret[]> {
    if (await this.speaksV2()) {
      const answer = await this.#once(() => this.#client.machine('pollVersions', { secrets: [...secretIds] }, this.#options()));
      return answer.versions.map(({ secretId, status, version }) => ({
        secretId,
        status: status === 'ok' ? 'unchanged' : status,
        version,
      }));
    }
    const answer = await this.#once(() => this.#client.call('POST', '/v1/secrets/poll', { watch: secretIds }, this.#options()));
    const changes = isObject(answer) && isObject(answer['changes']) ? answer['changes'] : {};
    return secretIds.map((secretId) => ({ secretId, status: publishedStatus(changes[secretId]), version: null }));
  }

  /** Null from a vault that tells no versions, and for a secret that is not there for us. One attempt. */
  async liveVersion(secretId: string): Promise<number | null> {
    if (!(await this.speaksV2())) return null;
    const [polled] = await this.poll([secretId]);
    return polled?.version ?? null;
  }

  /** "No login with an older version is under way or will be made" (rule 4). One attempt. */
  async acknowledge(secretId: string, reader: ReaderName, version: number): Promise<void> {
    await this.#once(() => this.#client.machine('acknowledge', { secretId, ...reader, version }, this.#options()));
  }

  /** This instance makes no more logins at all. One attempt, short, also while closing. */
  async endInstance(instance: string): Promise<void> {
    await this.#once(() => this.#client.machine('endInstance', { instance }, { timeoutMs: 3000, retryDelaysMs: [] }));
  }

  events(cursor: string | null, signal: AbortSignal): AsyncGenerator<VaultEvent, void> {
    return this.#client.events(cursor, { signal: AbortSignal.any([signal, this.#closing]) });
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #options(): CallOptions {
    return { ...calmly, signal: this.#closing };
  }

  async #v1(method: 'GET' | 'POST', path: string, body: unknown): Promise<Record<string, unknown>> {
    const answer = await this.#withRetries(() => this.#client.call(method, path, body, this.#options()));
    if (!isObject(answer)) throw unreadable();
    return answer;
  }

  /** Throws VaultRefusal for an answer that says nothing of the vault: a page or a redirect of something in between. */
  async #spokenProtocol(): Promise<'v2' | 'published'> {
    const { kind } = await this.#client.spokenProtocol({ ...this.#options(), timeoutMs: 5000 });
    if (kind === 'unknown') throw new VaultRefusal(502, 'vault-answer-unreadable', {}, null);
    return kind;
  }

  async #withRetries<T>(attempt: () => Promise<T>, mayPass: (error: unknown) => boolean = isRetried): Promise<T> {
    for (const delayMs of retryDelaysMs) {
      try {
        return await attempt();
      } catch (error) {
        if (!mayPass(error)) throw sdkErrorOf(error);
      }
      await this.#clock.sleep(delayMs, this.#closing).catch((error: unknown) => {
        throw sdkErrorOf(error);
      });
    }
    return this.#once(attempt);
  }

  async #once<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt();
    } catch (error) {
      throw sdkErrorOf(error);
    }
  }
}

function isRetried(error: unknown): boolean {
  if (error instanceof VaultRefusal) return error.status === 429 || error.status === 503;
  return error instanceof TransportFailure && ['connect-failed', 'connection-lost', 'timeout'].includes(error.fault);
}

/** To the question which protocol a vault speaks, any refusal is no answer. */
function saysNothing(error: unknown): boolean {
  return error instanceof VaultRefusal || isRetried(error);
}

/** The SDK's error for whatever ended a call. */
export function sdkErrorOf(error: unknown): SikkerKeyError {
  if (error instanceof ApiError || error instanceof ConfigurationError) return error;
  if (error instanceof VaultRefusal) return apiErrorOf(error.status, refusalText(error), error.code, { cause: error });
  if (error instanceof TransportFailure) return apiErrorOf(0, `no answer from the vault: ${error.fault}`, error.fault, { cause: error });
  return apiErrorOf(0, 'the call was cancelled', 'cancelled', { cause: error });
}

function refusalText(refusal: VaultRefusal): string {
  const title = isErrorCode(refusal.code) ? errorCatalogue[refusal.code].title : refusal.code;
  return `vault answered ${refusal.status}: ${title}`;
}

function requireSecretId(secretId: string): void {
  if (!isIdentifier(secretId)) throw new ConfigurationError('the secret id has characters that no secret id has');
}

function publishedStatus(change: unknown): PolledSecret['status'] {
  if (!isObject(change)) return 'unchanged';
  if (change['status'] === 'deleted') return 'deleted';
  return change['status'] === 'access_denied' ? 'denied' : 'changed';
}

function objectsOf(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value) || !value.every(isObject)) throw unreadable();
  return value;
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw unreadable();
  return value;
}

function nullableTextOf(value: unknown): string | null {
  return value === undefined || value === null ? null : textOf(value);
}

function unreadable(): ApiError {
  return apiErrorOf(502, 'the vault answered in a form that this client does not know', 'vault-answer-unreadable');
}
