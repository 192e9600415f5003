/**
 * A vault that speaks the published protocol only (wire-runtime §2.9–2.10), as the rotation driver sees a vault: one
 * login, in place. It knows no claims, no epochs and no versions, so these are counted here, durably; what its answers
 * leave open (was a lost confirm heard?) is found out by asking for the live value.
 */
import { type ConfirmOutcome, type RotationVault, VaultUnreachable } from '@sikkerkey/core/rotation/ports.ts';
import type { Claim, Credential, VersionRef } from '@sikkerkey/core/rotation/types.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import type { VaultClient } from '@sikkerkey/core/vault-client/client.ts';
import { VaultRefusal } from '@sikkerkey/core/vault-client/refusal.ts';
import type { AgentConfiguration } from '@sikkerkey/protocol/vault/machine.ts';
import * as z from 'zod';
import { translated } from './vault-port.ts';

/** Counted by this host, since that vault counts neither. */
export interface Counters {
  readonly epoch: number;
  readonly version: number;
}

export interface CounterStore {
  read(secretId: string): Counters;
  write(secretId: string, counters: Counters): void;
}

export interface PublishedVault {
  readonly port: RotationVault;
  configuration(secretId: string, signal: AbortSignal): Promise<AgentConfiguration>;
  /** Whether a rotation is offered now. */
  isOffering(secretId: string, signal: AbortSignal): Promise<boolean>;
  heartbeat(secretId: string, errorCode: string | null, signal: AbortSignal): Promise<void>;
}

const text = z.string().nullish();
const syncConfiguration = z.object({
  providerType: z.string(),
  connection: z.object({ host: z.string(), port: z.int(), database: text, adminUser: text, adminPass: text }),
  managedUsername: z.string(),
  pendingRotationId: text,
  pendingValue: text,
});
type SyncConfiguration = z.infer<typeof syncConfiguration>;
const fields = z.record(z.string(), z.string());

export function createPublishedVault(client: VaultClient, counters: CounterStore): PublishedVault {
  const read = async (secretId: string, signal: AbortSignal): Promise<SyncConfiguration> =>
    checked(syncConfiguration, await client.call('GET', `/v1/secret/${secretId}/sync-config`, null, { signal }));
  const live = async (secretId: string, signal: AbortSignal): Promise<string> =>
    checked(z.object({ value: z.string() }), await client.call('GET', `/v1/secret/${secretId}`, null, { signal })).value;
  return {
    port: createPort(client, counters, read, live),
    configuration: (secretId, signal) =>
      translated(signal, async () => configurationOf(secretId, await read(secretId, signal), counters.read(secretId).version)),
    isOffering: (secretId, signal) => translated(signal, async () => offerOf(await read(secretId, signal)) !== null),
    heartbeat: (secretId, errorCode, signal) =>
      translated(signal, async () => {
        const body = { error: errorCode ?? '', status: errorCode === null ? 'healthy' : 'error' };
        await client.call('POST', `/v1/secret/${secretId}/agent/heartbeat`, body, { signal });
      }),
  };
}

type ReadConfiguration = (secretId: string, signal: AbortSignal) => Promise<SyncConfiguration>;
type ReadLive = (secretId: string, signal: AbortSignal) => Promise<string>;

function createPort(client: VaultClient, counters: CounterStore, read: ReadConfiguration, live: ReadLive): RotationVault {
  const report = (secretId: string, what: string, body: unknown, signal: AbortSignal): Promise<unknown> =>
    client.call('POST', `/v1/secret/${secretId}/agent/${what}`, body, { signal });
  return {
    // That vault counts no epochs, so it cannot go back: what this host counted goes on above all that it ever granted.
    claim: (secretId, purpose, signal, { aboveEpoch = 0, knownEpoch = 0 } = {}) =>
      translated(signal, async () => {
        const configuration = await read(secretId, signal);
        const offer = offerOf(configuration);
        if (offer === null && purpose === 'work') return { kind: 'nothing' };
        const current = credentialOf(await live(secretId, signal), configuration.managedUsername);
        const before = counters.read(secretId);
        counters.write(secretId, { ...before, epoch: Math.max(before.epoch, aboveEpoch, knownEpoch) + 1 });
        return { kind: 'claimed', claim: claimOf(secretId, counters.read(secretId), current, offer, configuration.managedUsername) };
      }),
    newestEpoch: async (secretId) => counters.read(secretId).epoch,
    confirm: (secretId, rotationId, _epoch, signal) =>
      translated(signal, async (): Promise<ConfirmOutcome> => {
        try {
          await report(secretId, 'confirm-rotation', { rotationId }, signal);
        } catch (error) {
          if (!(error instanceof VaultRefusal) || error.temporary || error.status === 401) throw error;
          // It may be offered again under another id; then that one is claimed, and found applied.
          return { kind: 'rejected' };
        }
        const { epoch, version } = counters.read(secretId);
        counters.write(secretId, { epoch, version: version + 1 });
        return { kind: 'promoted' };
      }),
    reject: (secretId, rotationId, _epoch, code, signal) =>
      translated(signal, async (): Promise<'rejected'> => {
        await report(secretId, 'reject-rotation', { error: code, rotationId }, signal);
        return 'rejected';
      }),
    drain: async (secretId, _rotationId, epoch) => {
      requireCountedHere(counters, secretId, epoch);
      return { kind: 'clear' };
    },
    retired: async (secretId, _rotationId, epoch) => {
      requireCountedHere(counters, secretId, epoch);
      return 'retired';
    },
    release: async () => undefined,
  };
}

/** Claims made here are of one login in place, whose former password nobody holds; any other has readers, and only /v2 knows them. */
function requireCountedHere(counters: CounterStore, secretId: string, epoch: number): void {
  if (counters.read(secretId).epoch !== epoch) throw new VaultUnreachable('vault-answer-unreadable');
}

function claimOf(secretId: string, counted: Counters, current: Credential, offer: Offer | null, owner: string): Claim {
  const { epoch, version } = counted;
  const liveRef: VersionRef = { version, slot: 'owner' };
  const credentials = new Map([[version, current]]);
  const base = { secretId, epoch, strategy: 'single' as const };
  if (offer === null)
    return { ...base, rotationId: null, phase: 'steady', versions: { live: liveRef, pending: null, previous: null }, credentials };
  const pending: VersionRef = { version: version + 1, slot: 'owner' };
  credentials.set(pending.version, credentialOf(offer.value, owner));
  return { ...base, rotationId: offer.rotationId, phase: 'pending', versions: { live: liveRef, pending, previous: null }, credentials };
}

interface Offer {
  readonly rotationId: string;
  readonly value: string;
}

function offerOf(configuration: SyncConfiguration): Offer | null {
  const { pendingRotationId, pendingValue } = configuration;
  return pendingRotationId && pendingValue ? { rotationId: pendingRotationId, value: pendingValue } : null;
}

/** A structured value: an object of strings with the password, and the user name unless the vault manages it (§5.2). */
function credentialOf(value: string, owner: string): Credential {
  const parsed = fields.safeParse(jsonOf(value));
  const password = parsed.success ? parsed.data['password'] : undefined;
  if (password === undefined || password === '') throw new VaultUnreachable('vault-value-unusable');
  return { username: parsed.data?.['username'] ?? owner, password: new SecretText(password) };
}

function configurationOf(secretId: string, found: SyncConfiguration, liveVersion: number): AgentConfiguration {
  const { host, port, database, adminUser, adminPass } = found.connection;
  return {
    secretId,
    name: secretId,
    provider: found.providerType as AgentConfiguration['provider'],
    strategy: 'single',
    owner: found.managedUsername,
    adopted: false,
    host,
    port,
    database: database || null,
    tls: null,
    adminUser: adminUser || null,
    adminPassword: adminPass || null,
    liveVersion,
    nextRotationAt: null,
    adoptionRotationId: null,
  };
}

/** Shape only; what the vault sent is never quoted. */
function checked<Schema extends z.ZodType>(schema: Schema, answer: unknown): z.output<Schema> {
  const outcome = schema.safeParse(answer);
  if (!outcome.success) throw new VaultUnreachable('vault-answer-unreadable');
  return outcome.data;
}

function jsonOf(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}
