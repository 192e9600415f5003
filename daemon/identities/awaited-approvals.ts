/**
 * Successors of identities that are in use: each waits beside its predecessor until an operator has approved it, and takes
 * its place then. One that is denied goes; one whose predecessor has rotations in flight waits for their end.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';
import { fingerprint } from '@sikkerkey/core/identity/fingerprint.ts';
import { type Loop, startLoop } from '@sikkerkey/core/loop.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import { createVaultClient } from '@sikkerkey/core/vault-client/client.ts';
import { readSelf, type SelfAnswer } from '@sikkerkey/core/vault-client/enroll.ts';
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import type { Vaults } from '../vault-link/vaults.ts';
import { type EnrollmentDeps, takeIntoUse } from './enrollment.ts';
import type { MachineIdentity } from './identity-files.ts';

const lookEveryMs = 2_000;
const lookEveryAtMostMs = 60_000;

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
      nextInMs: (await this.#isWaiting(vaultId, signal)) ? lookEveryMs : null,
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
  async self(identity: MachineIdentity, signal: AbortSignal): Promise<SelfAnswer> {
    const { clock, random, enrollment } = this.#deps;
    const transport = enrollment.openTransport(identity.apiUrl);
    const signer = { kind: 'machine' as const, id: identity.machineId, key: identity.key };
    const client = createVaultClient({ baseUrl: identity.apiUrl, identity: signer, transport, clock, random });
    try {
      return await readSelf(client, { signal });
    } finally {
      await client.close();
    }
  }

  async #isWaiting(vaultId: string, signal: AbortSignal): Promise<boolean> {
    const { enrollment, log, vaults } = this.#deps;
    const staged = await enrollment.files.stagedMachine(vaultId);
    if (staged === null) return false;
    const { state } = await this.self(staged, signal);
    vaults.show(vaultId, { successor: successorOf(staged, state) });
    if (state === 'pending') return true;
    if (state === 'approved') {
      await takeIntoUse(enrollment, staged);
      vaults.connect(vaultId);
      log.info('identity-replaced', { vaultId });
      return false;
    }
    await enrollment.agents.inTurn(vaultId, () => enrollment.files.discardStaged(vaultId));
    log.warn('identity-not-approved', { vaultId, state });
    return false;
  }
}

export function successorOf(identity: MachineIdentity, machineState: VaultFact['machineState']): NonNullable<VaultFact['successor']> {
  const { machineId, machineName, key } = identity;
  return { machineId, machineName, fingerprint: fingerprint(key.publicKeyBase64), machineState };
}
