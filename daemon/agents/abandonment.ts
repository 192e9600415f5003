/** A database that is gone for good: what is in flight ends unseen, and what may be left there is named. */
import type { Clock } from '@sikkerkey/core/clock.ts';
import { VaultDenied } from '@sikkerkey/core/rotation/ports.ts';
import { candidatesOf, forgottenOf } from '@sikkerkey/core/rotation/strategies/strategy.ts';
import type { JournalRow } from '@sikkerkey/core/rotation/types.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { LeftBehind } from '@sikkerkey/protocol/vault/machine.ts';
import type { DaemonLog } from '../log/daemon-log.ts';
import type { VaultContext, Vaults } from '../vault-link/vaults.ts';
import { asRepair, epochAboveVaults } from './epoch-ahead.ts';

export interface AbandonmentDeps {
  readonly vaults: Vaults;
  readonly clock: Clock;
  readonly log: DaemonLog;
  boundary(name: string): void;
}

/**
 * Ends at the vault what is in flight, then keeps what the database may still hold and lets the row go. Repeatable. A vault
 * that was restored from a backup does not know all of that, so the row is asked too. Of a secret that the vault does not know
 * (deleted, or not made yet where it was restored) the row alone tells what is left.
 */
export async function abandonHere(
  deps: AbandonmentDeps,
  vaultId: string,
  secretId: string,
  reason: string,
  signal: AbortSignal,
): Promise<readonly LeftBehind[]> {
  const context = deps.vaults.choose(vaultId);
  if ((await context.link.protocolKnown(signal)) === 'published') throw new CatalogueError('needs-v2-vault', {});
  const row = await rowAsVaultKnows(context, secretId, signal);
  const byVault = (await unlessUnknown(context.abandon(secretId, reason, signal))) ?? [];
  const leftBehind = withUnnamed(byVault, row === null ? [] : leftByRow(row));
  deps.boundary('abandoned-at-vault');
  await context.journal.abandon(secretId, leftBehind, deps.clock.now());
  deps.log.warn('agent-abandoned', { secretId, rotationId: row?.rotationId ?? null, count: leftBehind.length });
  deps.boundary('abandonment-kept');
  return leftBehind;
}

/** Null where the vault does not know the secret. */
async function unlessUnknown<T>(asked: Promise<T>): Promise<T | null> {
  return asked.catch((error: unknown) => {
    if (error instanceof VaultDenied && error.code === 'not-found') return null;
    throw error;
  });
}

/**
 * A vault that has gone back may have given the numbers of the row anew, for other values: they say nothing any more. That is
 * written down first, since the vault is level with this host once it has heard of the abandonment.
 */
async function rowAsVaultKnows({ journal, port }: VaultContext, secretId: string, signal: AbortSignal): Promise<JournalRow | null> {
  const row = await journal.read(secretId);
  if (row === null || (await unlessUnknown(epochAboveVaults(port, journal, null, secretId, signal))) === null) return row;
  const repair = asRepair(row);
  await journal.write(repair);
  return repair;
}

/** What the row alone knows of a restored vault has no number of that vault's, and is named without one: so it comes first. */
function leftByRow({ versions, credentials }: JournalRow): readonly LeftBehind[] {
  const refs = [...forgottenOf(versions), ...candidatesOf(versions)];
  const known = refs.flatMap((ref) => {
    const credential = credentials.get(ref.version);
    return credential === undefined ? [] : [{ ref, ...credential }];
  });
  const once = known.filter(({ username, password }, index) => {
    return known.findIndex((other) => other.username === username && other.password.equals(password)) === index;
  });
  const left = once.map(({ ref, username }): LeftBehind => {
    return { login: username, version: ref.version < 0 ? null : ref.version, label: 'none' };
  });
  return left.filter((entry, index) => left.findIndex((other) => isSame(other, entry)) === index);
}

/** The vault says what its versions are; of one that it does not name, nothing but the number in the row is known. */
function withUnnamed(byVault: readonly LeftBehind[], byRow: readonly LeftBehind[]): readonly LeftBehind[] {
  return [...byVault, ...byRow.filter((entry) => !byVault.some((named) => isSame(named, entry)))];
}

function isSame(one: LeftBehind, other: LeftBehind): boolean {
  return one.login === other.login && one.version === other.version;
}
