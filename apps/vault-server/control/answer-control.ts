/** What the serving process does when it is asked over the control socket. */
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { SealState } from '../seal-state.ts';
import { parseUnsealKey } from '../sealing/unseal-key.ts';
import type { VaultParts } from '../vault-parts.ts';
import { vaultVersion } from '../version.ts';
import type { ControlAnswer, ControlRequest } from './control-protocol.ts';

/** Refuses a wrong or unreadable unseal key with its code; anything unexpected rejects. */
export async function answerControl(vault: VaultParts, sealState: SealState, request: ControlRequest): Promise<ControlAnswer> {
  try {
    if (request.act === 'unseal') await sealState.unseal(parseUnsealKey(new SecretText(request.unsealKey)));
    if (request.act === 'seal') await sealState.seal();
  } catch (error) {
    if (error instanceof CatalogueError && (error.code === 'unseal-key-wrong' || error.code === 'unseal-key-malformed')) {
      return { outcome: 'refused', code: error.code };
    }
    throw error;
  }
  const { vaultId, apiUrl } = vault.settings;
  const { sealed } = vault.keyring;
  return { outcome: 'done', status: { vaultId, version: vaultVersion, sealed, apiUrl, processId: process.pid } };
}
