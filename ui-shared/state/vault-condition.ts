/** Whether what the daemon tells about a vault's agents can be true right now, and the words for a vault's own state. */
import type { VaultFact } from '@sikkerkey/protocol/local/state.ts';
import type { Tone } from './agent-condition.ts';

/** The daemon reaches the vault and the vault is open: only then is an agent's state known. */
export function isVaultWithUs(vaults: readonly VaultFact[], vaultId: string): boolean {
  const vault = vaults.find((candidate) => candidate.vaultId === vaultId);
  return vault?.reachable === true && !vault.sealed;
}

/** Whether the daemon has had an answer of the vault's, or none in time; right after its start it has had neither. */
export function hasBeenAsked({ reachable, errorCode }: VaultFact): boolean {
  return reachable || errorCode !== null;
}

export interface VaultCondition {
  readonly word: string;
  readonly glyph: string;
  readonly ascii: string;
  readonly tone: Tone;
}

/** The most pressing truth first: not asked yet, unreachable, sealed, not approved, push lost, well. */
export function vaultCondition(vault: VaultFact): VaultCondition {
  if (!hasBeenAsked(vault)) return { word: 'connecting', glyph: '…', ascii: '.', tone: 'grey' };
  if (!vault.reachable) return { word: 'unreachable', glyph: '✖', ascii: 'X', tone: 'bad' };
  if (vault.sealed) return { word: 'sealed', glyph: '⚠', ascii: '!', tone: 'warn' };
  switch (vault.machineState) {
    case 'pending':
      return { word: 'waiting for approval', glyph: '◷', ascii: '.', tone: 'warn' };
    case 'denied':
    case 'disabled':
      return { word: vault.machineState, glyph: '✖', ascii: 'X', tone: 'bad' };
    case 'approved':
      return vault.pushConnected || vault.protocol === 'published'
        ? { word: 'connected', glyph: '✓', ascii: '+', tone: 'good' }
        : { word: 'polling (no push)', glyph: '◷', ascii: '.', tone: 'warn' };
    default:
      return { word: 'unknown', glyph: '?', ascii: '?', tone: 'grey' };
  }
}
