/** What the serving process does when it is asked over the control socket. */
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { SealState } from '../seal-state.ts';
import { parseUnsealKey } from '../sealing/unseal-key.ts';
import type { VaultParts } from '../vault-parts.ts';
import { vaultVersion } from '../version.ts';
import type { ControlAnswer, ControlRequest } from './control-protocol.ts';

/** Never rejects: whoever asks hears what came of it, and what was not expected is in the log. */
export async function answerControl(vault: VaultParts, sealState: SealState, request: ControlRequest): Promise<ControlAnswer> {
  try {
    if (request.act === 'unseal') await sealState.unseal(parseUnsealKey(new SecretText(request.unsealKey)));
    if (request.act === 'seal') await sealState.seal();
  } catch (error) {
    return refusalOf(vault, error);
  }
  const { vaultId, apiUrl } = vault.settings;
  const { sealed } = vault.keyring;
  const now = vault.clock.now();
  const until = await vault.storage.refusedUntil({ now });
  const next = await vault.storage.refusedNext({ now });
  const refusingUntil = until === null ? null : new Date(until).toISOString();
  const willRefuse = next === null ? null : { from: new Date(next.from).toISOString(), until: new Date(next.until).toISOString() };
  return { outcome: 'done', status: { vaultId, version: vaultVersion, sealed, apiUrl, processId: process.pid, refusingUntil, willRefuse } };
}

function refusalOf(vault: VaultParts, error: unknown): ControlAnswer {
  if (error instanceof CatalogueError) {
    const { code, details } = error;
    if (code === 'unseal-key-wrong' || code === 'unseal-key-malformed' || code === 'vault-disk-full') return { outcome: 'refused', code };
    if (code === 'vault-store-failed') return { outcome: 'refused', code, storeCode: String(Reflect.get(details, 'storeCode')) };
  }
  const reference = Buffer.from(vault.random.bytes(4)).toString('hex');
  vault.log.failure('control.failed', error, { reference });
  return { outcome: 'refused', code: 'vault-failed', reference };
}
