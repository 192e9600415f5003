import type { HoldOutFact } from '@sikkerkey/protocol/local/state.ts';
import type { ReaderHold } from '@sikkerkey/protocol/vault/machine.ts';
import { describe, expect, test } from 'vitest';
import { endTheWait, holderWords, readerHoldWords, waitWords } from './holders.ts';

const lastReadAt = Date.UTC(2026, 10, 21, 12, 41, 7);

describe('a holder of an old password', () => {
  test.each<{ hold: HoldOutFact; words: string }>([
    { hold: { kind: 'reader', name: 'web-1/main', count: 1 }, words: 'web-1/main' },
    { hold: { kind: 'reader', name: 'web-1/main', count: 3 }, words: 'web-1/main (3)' },
    { hold: { kind: 'session', name: 'psql', count: 1 }, words: 'psql (1)' },
    { hold: { kind: 'command-line', name: 'web-1', count: 1 }, words: '1 command-line read on web-1' },
    {
      hold: { kind: 'command-line', name: 'web-1', count: 3, lastReadAt },
      words: '3 command-line reads on web-1, last 2026-11-21 12:41:07Z',
    },
    {
      hold: { kind: 'published-client', name: 'web-1', count: 2, lastReadAt },
      words: '2 reads by published clients on web-1, last 2026-11-21 12:41:07Z',
    },
    {
      hold: { kind: 'unnamed-reader', name: 'applications not yet using the vault', count: 1 },
      words: 'applications not yet using the vault',
    },
  ])('is $words', ({ hold, words }) => {
    expect(holderWords(hold)).toBe(words);
  });

  test('cannot steer the terminal by its name', () => {
    for (const kind of ['reader', 'session', 'command-line', 'published-client', 'unnamed-reader'] as const) {
      expect(holderWords({ kind, name: 'web\u001b[2J', count: 1 })).not.toContain('\u001b');
    }
  });

  test('is named to operators by its run, and with the end that it has given itself', () => {
    const base = { machineId: 'm_1', machineName: 'web-1', version: 4, reads: 1, lastReadAt: null, heldUntil: null };
    const process: ReaderHold = { ...base, kind: 'reader', instance: 'i_5', pool: 'main' };
    const printed: ReaderHold = { ...base, kind: 'command-line', instance: null, pool: null, reads: 2, heldUntil: lastReadAt };

    expect(readerHoldWords(process)).toBe('web-1/main (i_5)');
    expect(readerHoldWords(printed)).toBe('2 command-line reads on web-1, until 2026-11-21 12:41:07Z');
  });
});

describe('a rotation that waits', () => {
  test.each([
    {
      holders: ['web-1/main', 'psql (1)'],
      at: lastReadAt,
      words: 'it waits for web-1/main; psql (1), at the latest until 2026-11-21 12:41:07Z',
    },
    { holders: [], at: lastReadAt, words: 'it waits until the old password is retired, at the latest until 2026-11-21 12:41:07Z' },
    { holders: [], at: null, words: 'it waits until the old password is retired' },
  ])('says $words', ({ holders, at, words }) => {
    expect(waitWords(holders, at)).toBe(words);
  });

  test('comes with the command that ends the wait, and what that risks', () => {
    expect(endTheWait('sk_1')).toEqual([
      'to end the wait and lock out whoever still uses the old password',
      'sikkerkey admin retire-now sk_1',
    ]);
  });
});
