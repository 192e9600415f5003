/** The vault as the rotation driver sees it, over /v2. Turns refusals into the two failures that the driver knows. */
import {
  type ClaimOutcome,
  type DrainOutcome,
  type HoldOut,
  type RotationVault,
  VaultDenied,
  VaultUnreachable,
} from '@sikkerkey/core/rotation/ports.ts';
import type { Standing } from '@sikkerkey/core/rotation/quiet-look.ts';
import type { Claim, Credential, VersionRef } from '@sikkerkey/core/rotation/types.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import type { VaultClient } from '@sikkerkey/core/vault-client/client.ts';
import { VaultRefusal } from '@sikkerkey/core/vault-client/refusal.ts';
import { TransportFailure } from '@sikkerkey/core/vault-client/transport.ts';
import type { AgentConfiguration, ClaimedRotation, MachineAnswer, MachineBody, ReaderHold } from '@sikkerkey/protocol/vault/machine.ts';

export function createVaultPort(client: VaultClient, daemonId: string): RotationVault {
  return {
    claim: (secretId, purpose, signal, words = {}) =>
      translated(signal, async (): Promise<ClaimOutcome> => {
        const answer = await claimAnswer(client, { secretId, daemonId, purpose, ...words }, signal);
        if (answer.outcome === 'claimed') return { kind: 'claimed', claim: claimOf(answer.rotation) };
        return answer.outcome === 'held' ? { kind: 'held', retryInMs: answer.retryInMs } : { kind: answer.outcome };
      }),
    newestEpoch: (secretId, epoch, signal) =>
      translated(signal, async () => (await client.machine('renew', { secretId, epoch }, { signal })).newestEpoch),
    confirm: (secretId, rotationId, epoch, signal) =>
      translated(signal, async () => ({ kind: (await client.machine('confirm', { secretId, rotationId, epoch }, { signal })).outcome })),
    reject: (secretId, rotationId, epoch, code, signal) =>
      translated(signal, async () => {
        const errorCode = /^[A-Za-z0-9_.-]{1,64}$/.test(code) ? code : 'unknown';
        return (await client.machine('reject', { secretId, rotationId, epoch, errorCode }, { signal })).outcome;
      }),
    drain: (secretId, rotationId, epoch, signal) =>
      translated(signal, async (): Promise<DrainOutcome> => {
        const answer = await client.machine('drain', { secretId, rotationId, epoch }, { signal });
        if (answer.state !== 'draining') return { kind: answer.state };
        return { kind: 'draining', holdOuts: answer.holdOuts.map(holdOutOf), deadlineInMs: answer.deadlineInMs };
      }),
    retired: (secretId, rotationId, epoch, signal) =>
      translated(signal, async () => (await client.machine('retired', { secretId, rotationId, epoch }, { signal })).outcome),
    release: (secretId, epoch, signal) =>
      translated(signal, async () => {
        await client.machine('release', { secretId, epoch }, { signal });
      }),
  };
}

/**
 * A vault from before `knownEpoch` refuses the field, and is asked without it: what it grants is held against the granted
 * epochs by this host alone then (journal/granted-epochs.ts).
 */
async function claimAnswer(client: VaultClient, body: MachineBody<'claim'>, signal: AbortSignal): Promise<MachineAnswer<'claim'>> {
  try {
    return await client.machine('claim', body, { signal });
  } catch (error) {
    const isUnknown = error instanceof VaultRefusal && error.code === 'request-field-invalid' && error.details['field'] === 'knownEpoch';
    if (!isUnknown) throw error;
    return client.machine('claim', { ...body, knownEpoch: undefined }, { signal });
  }
}

/** A reader as people know it: machine, and which of its pools. */
export function holdOutOf({ kind, machineName, pool, reads, lastReadAt }: ReaderHold): HoldOut {
  const name = pool === null ? machineName : `${machineName}/${pool}`;
  return { kind, name, count: reads, ...(lastReadAt === null ? {} : { lastReadAt }) };
}

function claimOf(rotation: ClaimedRotation): Claim {
  const { secretId, rotationId, epoch, strategy, phase } = rotation;
  const versions = { ...rotation.versions, retired: retiredOf(rotation.credentials) };
  return { secretId, rotationId, epoch, strategy, phase, versions, credentials: credentialsOf(rotation.credentials) };
}

export interface DriftLook {
  readonly configuration: AgentConfiguration;
  readonly standing: Standing | null;
}

export function driftLookOf({ configuration, standing }: MachineAnswer<'look'>): DriftLook {
  if (standing === null) return { configuration, standing };
  const versions = { live: standing.live, pending: null, previous: null, retired: retiredOf(standing.credentials) };
  return { configuration, standing: { strategy: configuration.strategy, versions, credentials: credentialsOf(standing.credentials) } };
}

function retiredOf(credentials: ClaimedRotation['credentials']): readonly VersionRef[] {
  return credentials.filter(({ label }) => label === 'retired').map(({ version, slot }) => ({ version, slot }));
}

function credentialsOf(credentials: ClaimedRotation['credentials']): ReadonlyMap<number, Credential> {
  return new Map(credentials.map((one) => [one.version, { username: one.username, password: new SecretText(one.password) }]));
}

/** No answer and temporary refusals: ask again. Any other refusal: access is denied, looked at again slowly. */
export async function translated<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    signal.throwIfAborted();
    throw vaultFailureOf(error);
  }
}

function vaultFailureOf(error: unknown): unknown {
  if (error instanceof TransportFailure) return new VaultUnreachable(error.fault, { cause: error });
  if (!(error instanceof VaultRefusal)) return error;
  return error.temporary ? new VaultUnreachable(error.code, { cause: error }) : new VaultDenied(error.code, { cause: error });
}
