/**
 * The client that applications use: the surface of the published SDKs (read, fields, list, export, watch), and readers
 * that tell the vault when nothing older than the newest version is in use, so that it can retire a password safely.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import { createVaultClient } from '@sikkerkey/core/vault-client/client.ts';
import type { VaultTransport } from '@sikkerkey/core/vault-client/transport.ts';
import { type Environment, readEnvironment } from '@sikkerkey/host/environment.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { ChangeFeed } from './change-feed.ts';
import { apiErrorOf, ConfigurationError, FieldNotFoundError, isOutage } from './errors.ts';
import { type MachineIdentity, resolveIdentity, vaultsOnDisk } from './identity.ts';
import { createNodeTransport } from './node-transport.ts';
import { SecretReader } from './secret-reader.ts';
import { type Fields, flattened, requiredFieldsOf } from './structured-value.ts';
import { type CommandLineUse, type SecretAnswer, type SecretListItem, VaultCalls } from './vault-calls.ts';
import { Watch, type WatchCallback } from './watches.ts';

export interface SikkerKeyOptions {
  /** Interval of the poll that stands in for push. Default 15 s, at least 10 s. */
  readonly pollIntervalSeconds?: number | undefined;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string | Uint8Array | undefined;
  readonly environment?: Environment | undefined;
  readonly transport?: VaultTransport | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /**
   * For programs that print what getSecret and its kind give and then end: operators see these reads as what they are, and
   * nobody is expected to acknowledge them. They hold the version until its drain deadline, or for `heldForMs`.
   */
  readonly commandLine?: CommandLineUse | undefined;
}

export interface ReaderOptions {
  /** Shown to operators as the holder of a version. */
  readonly pool?: string | undefined;
  /** Use a value for this long without asking; unless given, until the vault says that there is a newer one. */
  readonly cacheMs?: number | undefined;
}

export interface CloseOptions {
  /**
   * The application makes no further login with anything that it has read, so the vault need not wait for it. Without
   * it, values that were handed out by getSecret, getFields and getField stay held until their drain deadline.
   */
  readonly usesNothingMore?: boolean | undefined;
}

/** Reads of a value that went back, before the caller is told: nodes of a vault may lag for a moment. */
const readsForNewest = 3;
const plainPool = 'default';

export class SikkerKey {
  readonly #identity: MachineIdentity;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #calls: VaultCalls;
  readonly #feed: ChangeFeed;
  readonly #closing = new AbortController();
  readonly #instance: string;
  readonly #newestSeen = new Map<string, number>();
  readonly #watches = new Map<string, Watch>();
  readonly #readers = new Set<SecretReader>();
  readonly #commandLine: CommandLineUse | undefined;
  readonly #plainReads = new Set<Promise<unknown>>();
  #readersMade = 0;
  #readNamed = false;
  #ending = false;

  /**
   * @param vaultOrPath vault id (with or without `vault_`), or the path of an identity.json; else SIKKERKEY_IDENTITY,
   * else the only vault on disk. Throws ConfigurationError.
   */
  constructor(vaultOrPath?: string, options: SikkerKeyOptions = {}) {
    this.#identity = resolveIdentity(vaultOrPath, options.environment ?? readEnvironment());
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#commandLine = options.commandLine;
    this.#instance = `i_${Buffer.from(this.#random.bytes(12)).toString('hex')}`;
    const { machineId, apiUrl, key } = this.#identity;
    const client = createVaultClient({
      baseUrl: apiUrl,
      identity: { kind: 'machine', id: machineId, key },
      transport: options.transport ?? createNodeTransport(apiUrl, { ca: options.ca }),
      clock: this.#clock,
      random: this.#random,
    });
    this.#calls = new VaultCalls(client, this.#clock, this.#random, this.#closing.signal);
    this.#feed = new ChangeFeed(this.#calls, this.#clock, this.#random, (options.pollIntervalSeconds ?? 15) * 1000);
  }

  /** Ids of the vaults that this user is enrolled in. */
  static listVaults(environment: Environment = readEnvironment()): string[] {
    return vaultsOnDisk(environment);
  }

  get machineId(): string {
    return this.#identity.machineId;
  }

  get machineName(): string {
    return this.#identity.machineName;
  }

  get vaultId(): string {
    return this.#identity.vaultId;
  }

  get apiUrl(): string {
    return this.#identity.apiUrl;
  }

  /** The value. Throws ApiError and its kinds; 429, 503 and no answer are retried after 1, 2 and 4 s. */
  async getSecret(secretId: string): Promise<string> {
    return (await this.#readNewest(secretId)).value;
  }

  /** The fields of a structured secret. Throws SecretStructureError where there are none. */
  async getFields(secretId: string): Promise<Record<string, string>> {
    return { ...requiredFieldsOf(secretId, await this.getSecret(secretId)) };
  }

  /** One field. Throws FieldNotFoundError, which names those that there are. */
  async getField(secretId: string, field: string): Promise<string> {
    const fields: Fields = await this.getFields(secretId);
    const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (value !== undefined) return value;
    throw new FieldNotFoundError(`secret ${secretId} has no field ${field}; it has: ${Object.keys(fields).join(', ')}`);
  }

  listSecrets(): Promise<SecretListItem[]> {
    return this.#calls.list();
  }

  listSecretsByProject(projectId: string): Promise<SecretListItem[]> {
    return this.#calls.list(projectId);
  }

  /** Everything granted (in one project), flat: `NAME`, or `NAME_FIELD` for structured secrets. */
  async export(projectId?: string): Promise<Record<string, string>> {
    return flattened(await this.#calls.export(projectId));
  }

  /** Calls back for every change from now on; a second watch of the same secret replaces the first. */
  watch(secretId: string, callback: WatchCallback): void {
    this.unwatch(secretId);
    const sources = {
      feed: this.#feed,
      read: (id: string) => this.#readNewest(id),
      newestSeen: (id: string) => this.#newestSeen.get(id),
      liveVersion: (id: string) => this.#calls.liveVersion(id),
    };
    this.#watches.set(secretId, new Watch(secretId, callback, sources));
  }

  unwatch(secretId: string): void {
    this.#watches.get(secretId)?.end();
    this.#watches.delete(secretId);
  }

  /** At least 10 s; applies while changes cannot be pushed. */
  setPollInterval(seconds: number): void {
    this.#feed.setPollInterval(seconds * 1000);
  }

  /** A reader whose uses the vault waits for: the way to log in with a managed secret (rotation-protocol.md rule 4). */
  reader(secretId: string, options: ReaderOptions = {}): SecretReader {
    this.#readersMade += 1;
    const name = { instance: `${this.#instance}-${this.#readersMade}`, pool: options.pool ?? `reader-${this.#readersMade}` };
    const reader = new SecretReader(this.#calls, this.#feed, this.#clock, this.#random, { secretId, name, cacheMs: options.cacheMs });
    this.#readers.add(reader);
    return reader;
  }

  /** "What getSecret, getFields and watch gave before `version` is in no use any more": releases those holds. */
  async acknowledge(secretId: string, version?: number): Promise<void> {
    const newest = version ?? this.#newestSeen.get(secretId);
    if (newest !== undefined) await this.#calls.acknowledge(secretId, { instance: this.#instance, pool: plainPool }, newest);
  }

  /** Ends watches and readers and every connection to the vault. Resolves when nothing runs any more. */
  async close(options: CloseOptions = {}): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    for (const secretId of [...this.#watches.keys()]) this.unwatch(secretId);
    await Promise.all([...this.#readers].map((reader) => reader.end()));
    if (options.usesNothingMore === true) await this.#letGo();
    this.#closing.abort();
    await this.#feed.close();
    await this.#calls.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A read that is still served after the word to the vault would be a hold that nobody ends, so those under way come first. */
  async #letGo(): Promise<void> {
    await Promise.allSettled(this.#plainReads);
    if (this.#readNamed) await this.#calls.endInstance(this.#instance).catch(() => undefined);
  }

  async #readNewest(secretId: string): Promise<SecretAnswer> {
    if (this.#ending) throw new ConfigurationError('this client has been closed');
    const reading = this.#readUntilNewest(secretId);
    this.#plainReads.add(reading);
    try {
      return await reading;
    } catch (error) {
      // Without an answer it may have been served all the same.
      if (isOutage(error)) this.#readNamed = true;
      throw error;
    } finally {
      this.#plainReads.delete(reading);
    }
  }

  /** Never an older version than one that this process has seen (rule 4). */
  async #readUntilNewest(secretId: string): Promise<SecretAnswer> {
    for (let reads = 0; reads < readsForNewest; reads += 1) {
      const answer = await this.#calls.read(secretId, { instance: this.#instance, pool: plainPool }, this.#commandLine);
      if (answer.version === null) return answer;
      this.#readNamed = true;
      if (answer.version >= (this.#newestSeen.get(secretId) ?? 0)) {
        this.#newestSeen.set(secretId, answer.version);
        return answer;
      }
    }
    const remedy = 'if the vault was restored from a backup, restart this application';
    throw apiErrorOf(409, `the vault answered with an older version of ${secretId} than before; ${remedy}`, 'version-went-back');
  }
}
