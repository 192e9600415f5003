import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClaimOutcome, ClaimWords, RotationVault } from '@sikkerkey/core/rotation/ports.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepingGrantedEpochs } from './granted-epochs.ts';
import { JournalFile } from './journal-file.ts';

const notAsked = (): Promise<never> => Promise.reject(new Error('not asked in this test'));
const signal = new AbortController().signal;
let directory: string;
let file: JournalFile;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sk-granted-'));
  file = new JournalFile(join(directory, 'journal.db'), () => undefined);
});

afterEach(() => {
  file.close();
  rmSync(directory, { recursive: true });
});

/** A vault that grants these epochs one after the other, whatever it is told, and the words that it heard. */
function granting(...epochs: number[]): { vault: RotationVault; heard: ClaimWords[] } {
  const heard: ClaimWords[] = [];
  const claim = (secretId: string, _purpose: string, _signal: AbortSignal, words: ClaimWords = {}): Promise<ClaimOutcome> => {
    heard.push(words);
    const live = { version: 1, slot: 'a' } as const;
    const versions = { live, pending: null, previous: null };
    const granted = { secretId, rotationId: null, strategy: 'flip', phase: 'steady', versions, credentials: new Map() } as const;
    return Promise.resolve({ kind: 'claimed', claim: { ...granted, epoch: epochs.shift() ?? 0 } });
  };
  const rest = { newestEpoch: notAsked, confirm: notAsked, reject: notAsked, drain: notAsked, retired: notAsked, release: notAsked };
  const journal = {
    grantedEpoch: async (secretId: string) => file.grantedEpoch('vault_1', secretId),
    keepGrantedEpoch: async (secretId: string, epoch: number | null) => file.keepGrantedEpoch('vault_1', secretId, epoch),
  };
  return { vault: keepingGrantedEpochs({ claim, ...rest }, journal), heard };
}

test('a grant is on disk before anything can be done under it, and the next claim tells the vault', async () => {
  const { vault, heard } = granting(5, 6);

  await vault.claim('sk_1', 'work', signal);
  expect(file.grantedEpoch('vault_1', 'sk_1')).toBe(5);
  await vault.claim('sk_1', 'repair', signal, { word: 'accept-server' });

  expect(heard).toEqual([{}, { word: 'accept-server', knownEpoch: 5 }]);
  expect(file.grantedEpoch('vault_1', 'sk_1')).toBe(6);
});

test.each([{ again: 5 }, { again: 4 }])('a grant of $again after 5 is none: the vault has gone back', async ({ again }) => {
  const { vault } = granting(5, again);
  await vault.claim('sk_1', 'work', signal);

  expect(await vault.claim('sk_1', 'work', signal)).toEqual({ kind: 'behind' });
  expect(file.grantedEpoch('vault_1', 'sk_1')).toBe(5);
});

test('what a person has accepted is not held against the vault', async () => {
  const { vault, heard } = granting(5, 9);
  await vault.claim('sk_1', 'work', signal);

  expect(await vault.claim('sk_1', 'repair', signal, { word: 'accept-epoch', aboveEpoch: 8 })).toMatchObject({ kind: 'claimed' });
  expect(heard.at(-1)).toEqual({ word: 'accept-epoch', aboveEpoch: 8 });
});
