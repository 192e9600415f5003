/**
 * Epochs rise for ever, so a vault that grants one for the second time was restored from a backup. Every claim of this host
 * says the highest epoch that was ever granted to it, and every grant is on disk before anything is done under it.
 */
import type { RotationVault } from '@sikkerkey/core/rotation/ports.ts';
import type { VaultJournal } from './vault-journal.ts';

/** Whoever claims gets no grant but a new one: `behind` where the vault has gone back. A claim throws JournalUnavailable too. */
export function keepingGrantedEpochs(
  vault: RotationVault,
  journal: Pick<VaultJournal, 'grantedEpoch' | 'keepGrantedEpoch'>,
): RotationVault {
  return {
    ...vault,
    claim: async (secretId, purpose, signal, words = {}) => {
      const granted = await journal.grantedEpoch(secretId);
      // What a person has accepted is told as such.
      const known = granted === 0 || words.aboveEpoch !== undefined ? {} : { knownEpoch: granted };
      const outcome = await vault.claim(secretId, purpose, signal, { ...words, ...known });
      if (outcome.kind !== 'claimed') return outcome;
      if (outcome.claim.epoch <= granted) return { kind: 'behind' };
      await journal.keepGrantedEpoch(secretId, outcome.claim.epoch);
      return outcome;
    },
  };
}
