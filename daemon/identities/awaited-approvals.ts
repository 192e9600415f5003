/**
 * Successors of identities that are in use: each waits beside its predecessor until an operator has approved it and it may do
 * what its predecessor may, and takes its place then. One that is denied goes; one whose predecessor has rotations in flight
 * waits for their end.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';
import { fingerprint } from '@sikkerkey/core/identity/fingerprint.ts';
import { type Loop, startLoop } from '@sikkerkey/core/loop.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import { createVaultClient, type VaultClient } from '@sikkerkey/core/vault-client/client.ts';
import { readSelf, type SelfAnswer } from '@sikkerkey/core/vault-client/enroll.ts';
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';
import type { MachineAnswer } from '@sikkerkey/protocol/vault/machine.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import { translated } from '../vault-link/vault-port.ts';
import type { Vaults } from '../vault-link/vaults.ts';
import { type EnrollmentDeps, takeIntoUse } from './enrollment.ts';
import type { MachineIdentity } from './identity-files.ts';
import { firstLoss } from './successor-access.ts';

const lookEveryMs = 2_000;
const lookEveryAtMostMs = 60_000;
/** Until it is asked again what an approved successor may do; a grant made from this host is noticed at once. */
const lackingLookMs = 10_000;
const successorLacksAccess = 'successor-lacks-access';

export interface AwaitedApprovalsDeps {
  readonly enrollment: EnrollmentDeps;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: DaemonLog;
  readonly stopping: AbortSignal;
  readonly vaults: Pick<Vaults, 'contexts' | 'show' | 'connect'>;
}

export class AwaitedApprovals {
  readonly #deps: AwaitedApprovalsDeps;
  readonly #loops = new Map<string, Loop>();

  constructor(deps: AwaitedApprovalsDeps) {
    this.#deps = deps;
  }

  /** What waited when the daemon ended waits on. */
  watchAll(): void {
    for (const { vaultId } of this.#deps.vaults.contexts()) this.watch(vaultId);
  }

  /** Looks from now on whether the successor that waits at this vault was approved. */
  watch(vaultId: string): void {
    const known = this.#loops.get(vaultId);
    if (known !== undefined) {
      known.trigger();
      return;
    }
    const { clock, random, stopping } = this.#deps;
    const run = async (signal: AbortSignal): Promise<{ readonly nextInMs: number | null }> => ({
      nextInMs: await this.#look(vaultId, signal),
    });
    const backoff = { firstMs: lookEveryMs, factor: 2, maxMs: lookEveryAtMostMs };
    const options = { name: `approval ${vaultId}`, intervalMs: null, classify: () => 'retry' as const, backoff, run };
    this.#loops.set(vaultId, startLoop(options, { clock, random }, stopping));
  }

  /** Somebody may just have been approved. */
  askNow(): void {
    for (const loop of this.#loops.values()) loop.trigger();
  }

  /** What the vault says of the identity. Throws VaultRefusal or TransportFailure. */
  self(identity: MachineIdentity, signal: AbortSignal): Promise<SelfAnswer> {
    return this.#asking(identity, (client) => readSelf(client, { signal }));
  }

  async #asking<T>(identity: MachineIdentity, ask: (client: VaultClient) => Promise<T>): Promise<T> {
    const { clock, random, enrollment } = this.#deps;
    const transport = enrollment.openTransport(identity.apiUrl);
    const signer = { kind: 'machine' as const, id: identity.machineId, key: identity.key };
    const client = createVaultClient({ baseUrl: identity.apiUrl, identity: signer, transport, clock, random });
    try {
      return await ask(client);
    } finally {
      await client.close();
    }
  }

  /** Milliseconds until the next look; null when nobody waits any more. */
  async #look(vaultId: string, signal: AbortSignal): Promise<number | null> {
    const { enrollment, log, vaults } = this.#deps;
    const staged = await enrollment.files.stagedMachine(vaultId);
    if (staged === null) return null;
    const { state } = await this.self(staged, signal);
    // What it lacks stays shown until it is known anew.
    if (state !== 'approved') vaults.show(vaultId, { successor: successorOf(staged, state) });
    if (state === 'pending') return lookEveryMs;
    if (state === 'approved') {
      if (await this.#lacksAccess(staged, signal)) return lackingLookMs;
      await takeIntoUse(enrollment, staged);
      vaults.connect(vaultId);
      log.info('identity-replaced', { vaultId });
      return null;
    }
    await enrollment.agents.inTurn(vaultId, () => enrollment.files.discardStaged(vaultId));
    log.warn('identity-not-approved', { vaultId, state });
    return null;
  }

  /** Throws VaultUnreachable while the vault cannot say so. */
  async #lacksAccess(staged: MachineIdentity, signal: AbortSignal): Promise<boolean> {
    const { vaults, enrollment } = this.#deps;
    const { vaultId, machineId } = staged;
    const listed = (client: VaultClient): Promise<MachineAnswer<'listSecrets'>['secrets']> =>
      translated(signal, async () => (await client.machine('listSecrets', {}, { signal })).secrets);
    const inUse = vaults.contexts().find((one) => one.vaultId === vaultId);
    const loss = await firstLoss(
      async () => (inUse === undefined ? [] : listed(inUse.client)),
      () => this.#asking(staged, listed),
      (secretId) => enrollment.registry.find(secretId)?.vaultId === vaultId,
    );
    const shown = successorOf(staged, 'approved');
    const lacking = loss === null ? {} : { errorCode: successorLacksAccess, errorDetails: { vaultId, machineId, ...loss } };
    vaults.show(vaultId, { successor: { ...shown, ...lacking } });
    return loss !== null;
  }
}

export function successorOf(identity: MachineIdentity, machineState: VaultFact['machineState']): NonNullable<VaultFact['successor']> {
  const { machineId, machineName, key } = identity;
  return { machineId, machineName, fingerprint: fingerprint(key.publicKeyBase64), machineState };
}
