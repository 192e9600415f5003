/** The vaults that this host is enrolled with: identity, client, link and sealed state of each, by vault id. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import { fingerprint } from '@sikkerkey/core/identity/fingerprint.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import type { RotationVault } from '@sikkerkey/core/rotation/ports.ts';
import { createVaultClient, type VaultClient } from '@sikkerkey/core/vault-client/client.ts';
import type { VaultTransport } from '@sikkerkey/core/vault-client/transport.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';
import type { AgentConfiguration, LeftBehind } from '@sikkerkey/protocol/vault/machine.ts';
import type { StateStore } from '../facts/state-store.ts';
import type { IdentityFiles, MachineIdentity } from '../identities/identity-files.ts';
import { keepingGrantedEpochs } from '../journal/granted-epochs.ts';
import type { JournalFile } from '../journal/journal-file.ts';
import { createSealer, type Sealer } from '../journal/sealing.ts';
import { createVaultJournal, type VaultJournal } from '../journal/vault-journal.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import { type CounterStore, createPublishedVault } from './published-vault.ts';
import type { ProtocolMemory } from './spoken-protocol.ts';
import { type LinkedAgents, VaultLink } from './vault-link.ts';
import { createVaultPort, type DriftLook, driftLookOf, translated } from './vault-port.ts';

export interface VaultContext {
  readonly vaultId: string;
  readonly identity: MachineIdentity;
  readonly client: VaultClient;
  readonly port: RotationVault;
  readonly journal: VaultJournal;
  readonly sealer: Sealer;
  readonly link: VaultLink;
  /** What the vault keeps of an agent, in whichever protocol it speaks. Throws VaultUnreachable or VaultDenied. */
  configuration(secretId: string, signal: AbortSignal): Promise<AgentConfiguration>;
  /** The same, with what a look for drift compares where the vault can say that without a claim. One request. */
  look(secretId: string, signal: AbortSignal): Promise<DriftLook>;
  /** Ends at the vault whatever is in flight; what the database may still hold. Throws VaultUnreachable or VaultDenied. */
  abandon(secretId: string, reason: string, signal: AbortSignal): Promise<readonly LeftBehind[]>;
}

export interface VaultsDeps {
  readonly files: IdentityFiles;
  readonly journalFile: JournalFile;
  readonly daemonId: string;
  readonly counters: CounterStore;
  /** What is kept of a vault's protocol. */
  protocolMemory(vaultId: string): ProtocolMemory;
  readonly state: StateStore;
  readonly log: DaemonLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly stopping: AbortSignal;
  openTransport(baseUrl: string): VaultTransport;
  agentsOf(vaultId: string): LinkedAgents;
}

interface Connected {
  readonly context: VaultContext;
  readonly ending: AbortController;
  readonly ended: Promise<void>;
}

export class Vaults {
  readonly #deps: VaultsDeps;
  readonly #connected = new Map<string, Connected>();
  readonly #unusable = new Map<string, CatalogueError>();

  constructor(deps: VaultsDeps) {
    this.#deps = deps;
  }

  /** Every identity on disk, once it is `mended`; an unusable one is shown, not used, and does not stop the others. */
  async load(mended: (vaultId: string) => Promise<void>): Promise<void> {
    for (const vaultId of await this.#deps.files.vaultIds()) {
      try {
        await mended(vaultId);
        const identity = await this.#deps.files.machine(vaultId);
        if (identity !== null) await this.prepare(identity);
      } catch (error) {
        if (!(error instanceof CatalogueError)) throw error;
        this.#unusable.set(vaultId, error);
        this.#deps.log.error('identity-unusable', { vaultId, errorCode: error.code, reason: String(error.details['why'] ?? '') });
        this.#deps.state.putVault({ ...unknownVault(vaultId), errorCode: error.code, errorDetails: { ...error.details } });
      }
    }
  }

  /** Takes an identity into use; the link waits for `connect`. Replaces an earlier identity of the same vault. */
  async prepare(identity: MachineIdentity): Promise<VaultContext> {
    await this.#disconnect(identity.vaultId);
    this.#unusable.delete(identity.vaultId);
    const { deps, vaultId } = { deps: this.#deps, vaultId: identity.vaultId };
    const operator = await deps.files.operator(vaultId);
    deps.state.putVault(vaultFactOf(identity, operator?.operatorId ?? null));
    const client = createVaultClient({
      baseUrl: identity.apiUrl,
      identity: { kind: 'machine', id: identity.machineId, key: identity.key },
      transport: deps.openTransport(identity.apiUrl),
      clock: deps.clock,
      random: deps.random,
    });
    const published = createPublishedVault(client, deps.counters);
    const sealer = createSealer(identity.key.seed(), vaultId, deps.random);
    const link = new VaultLink(vaultId, {
      client,
      published,
      memory: deps.protocolMemory(vaultId),
      daemonId: deps.daemonId,
      agents: deps.agentsOf(vaultId),
      clock: deps.clock,
      random: deps.random,
      log: deps.log,
      show: (change) => this.show(vaultId, change),
    });
    const journal = createVaultJournal(deps.journalFile, vaultId, sealer);
    const spoken = portBySpoken(() => link.protocol, createVaultPort(client, deps.daemonId), published.port);
    const port = keepingGrantedEpochs(spoken, journal);
    const configuration = async (secretId: string, signal: AbortSignal): Promise<AgentConfiguration> => {
      const protocol = await translated(signal, () => link.protocolKnown(signal));
      if (protocol === 'published') return published.configuration(secretId, signal);
      return translated(signal, () => client.machine('agentConfiguration', { secretId }, { signal, timeoutMs: 5_000 }));
    };
    const look = async (secretId: string, signal: AbortSignal): Promise<DriftLook> => {
      const protocol = await translated(signal, () => link.protocolKnown(signal));
      if (protocol === 'published') return { configuration: await published.configuration(secretId, signal), standing: null };
      return translated(signal, async () => driftLookOf(await client.machine('look', { secretId }, { signal, timeoutMs: 5_000 })));
    };
    const abandon = async (secretId: string, reason: string, signal: AbortSignal): Promise<readonly LeftBehind[]> => {
      const body = { secretId, daemonId: deps.daemonId, reason };
      return (await translated(signal, () => client.machine('abandon', body, { signal }))).leftBehind;
    };
    const context = { vaultId, identity, client, port, journal, sealer, link, configuration, look, abandon };
    this.#connected.set(vaultId, { context, ending: new AbortController(), ended: Promise.resolve() });
    return context;
  }

  /** Starts the link of a prepared vault. */
  connect(vaultId: string): void {
    const prepared = this.#connected.get(vaultId);
    if (prepared === undefined) return;
    const ended = prepared.context.link.start(AbortSignal.any([prepared.ending.signal, this.#deps.stopping]));
    this.#connected.set(vaultId, { ...prepared, ended });
  }

  contexts(): readonly VaultContext[] {
    return [...this.#connected.values()].map((one) => one.context);
  }

  find(vaultId: string): VaultContext | undefined {
    return this.#connected.get(vaultId)?.context;
  }

  /** The named vault, or the only one. Throws CatalogueError `vault-unknown`, `identity-unusable`, `no-vault-enrolled` or `vault-not-chosen`. */
  choose(vaultId: string | undefined): VaultContext {
    if (vaultId !== undefined) {
      const found = this.find(vaultId);
      if (found === undefined) throw this.#unusable.get(vaultId) ?? new CatalogueError('vault-unknown', { vaultId });
      return found;
    }
    const [only, ...others] = this.contexts();
    if (only === undefined) throw new CatalogueError('no-vault-enrolled', {});
    if (others.length > 0) throw new CatalogueError('vault-not-chosen', { count: others.length + 1 });
    return only;
  }

  /** What somebody learnt about a vault outside its link. */
  show(vaultId: string, change: Partial<VaultFact>): void {
    const fact = this.#deps.state.vault(vaultId);
    if (fact !== undefined) this.#deps.state.putVault({ ...fact, ...change });
  }

  /** Links have ended by the stopping signal; connections are closed. */
  async close(): Promise<void> {
    await Promise.all([...this.#connected.keys()].map((vaultId) => this.#disconnect(vaultId)));
  }

  async #disconnect(vaultId: string): Promise<void> {
    const connected = this.#connected.get(vaultId);
    if (connected === undefined) return;
    this.#connected.delete(vaultId);
    connected.ending.abort();
    await connected.ended;
    await connected.context.client.close();
  }
}

/** Each call goes to the protocol that the vault is known to speak at that moment. */
function portBySpoken(protocol: () => VaultFact['protocol'], v2: RotationVault, published: RotationVault): RotationVault {
  const port = (): RotationVault => (protocol() === 'published' ? published : v2);
  return {
    claim: (...asked) => port().claim(...asked),
    newestEpoch: (secretId, epoch, signal) => port().newestEpoch(secretId, epoch, signal),
    confirm: (secretId, rotationId, epoch, signal) => port().confirm(secretId, rotationId, epoch, signal),
    reject: (secretId, rotationId, epoch, code, signal) => port().reject(secretId, rotationId, epoch, code, signal),
    drain: (secretId, rotationId, epoch, signal) => port().drain(secretId, rotationId, epoch, signal),
    retired: (secretId, rotationId, epoch, signal) => port().retired(secretId, rotationId, epoch, signal),
    release: (secretId, epoch, signal) => port().release(secretId, epoch, signal),
  };
}

function vaultFactOf(identity: MachineIdentity, operatorId: string | null): VaultFact {
  const { vaultId, apiUrl, machineId, machineName } = identity;
  return { ...unknownVault(vaultId), apiUrl, machineId, machineName, fingerprint: fingerprint(identity.key.publicKeyBase64), operatorId };
}

function unknownVault(vaultId: string): VaultFact {
  return {
    vaultId,
    apiUrl: '',
    machineId: 'unknown',
    machineName: '',
    fingerprint: '',
    machineState: 'unknown',
    reachable: false,
    sealed: false,
    protocol: 'unknown',
    latencyMs: null,
    skewMs: null,
    pushConnected: false,
    operatorId: null,
    keyProtection: 'plain-file',
    errorCode: null,
  };
}
