import { errorCatalogue } from '@sikkerkey/protocol/error-catalogue.ts';
import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import { makeAgentFact } from '@sikkerkey/test/support/facts.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import packageFile from '../package.json' with { type: 'json' };
import { frontEndVersion } from '../version.ts';
import { errorLines, wordsForError } from './errors.ts';
import { findingStep, outageWords, planLines, planWords } from './plan.ts';
import { progressLine } from './progress.ts';
import { safeText } from './safe-text.ts';
import { cutToWidth, fitToWidth, padToWidth, textWidth } from './text-width.ts';

describe('error words', () => {
  test.each(Object.keys(errorCatalogue))('%s has four lines and no placeholder left when its details are there', (code) => {
    const entry = errorCatalogue[code as keyof typeof errorCatalogue];
    const details = Object.fromEntries(entry.details.map((name: string) => [name, 'x']));
    const lines = errorLines(wordsForError(code, details));

    expect(lines).toHaveLength(4);
    expect(lines.join('\n')).not.toMatch(/[{}]|\?(?!\w)/);
  });

  test('a code of a newer daemon is shown in a general sentence', () => {
    const words = wordsForError('moon-phase-wrong', {});

    expect(words).toMatchObject({ code: 'moon-phase-wrong', exit: 1, nextStep: 'sikkerkey version' });
  });

  test('a detail cannot steer the terminal', () => {
    const words = wordsForError('daemon-not-running', { socket: '/tmp/\u001b[2Jx\u0007\n\u202Ey' });

    expect(words.whatHappened).toBe('nothing listens at /tmp/x y');
  });

  test('a name that every object has is no detail', () => {
    expect(wordsForError('daemon-not-running', {}).whatHappened).toBe('nothing listens at ?');
    expect(wordsForError('constructor', {}).title).toContain('does not know');
  });
});

describe('safe text', () => {
  test('lets no control character and no direction override through, whatever comes in', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0x20ff })), (codes) => {
        const text = String.fromCharCode(...codes);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
        expect(safeText(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });

  test.each([
    ['a colour', '\u001b[31mred\u001b[0m', 'red'],
    ['a window title', 'a\u001b]0;owned\u0007b', 'ab'],
    ['a link', '\u001b]8;;http://x\u001b\\here\u001b]8;;\u001b\\', 'here'],
    ['line breaks', 'a\r\n\tb', 'a b'],
    ['wide letters', '帳簿 é 🔒', '帳簿 é 🔒'],
  ])('treats %s', (_name, text, safe) => {
    expect(safeText(text)).toBe(safe);
  });
});

describe('widths', () => {
  test.each([
    ['ledger', 6],
    ['帳簿', 4],
    ['é', 1],
    ['e\u0301', 1],
    ['🔒', 2],
    ['⛔', 2],
    ['✓', 1],
    ['👨‍👩‍👧', 2],
    ['', 0],
  ])('%s takes %d cells', (text, cells) => {
    expect(textWidth(text)).toBe(cells);
  });

  test('a fitted text has exactly the cells asked for, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, cells) => {
        expect(textWidth(fitToWidth(safeText(text), cells))).toBe(cells);
      }),
    );
  });

  test('cutting never splits a letter and shows that it cut', () => {
    expect([cutToWidth('帳簿帳簿', 5), cutToWidth('abc', 3), cutToWidth('abcd', 3), padToWidth('帳', 4)]).toEqual([
      '帳簿…',
      'abc',
      'ab…',
      '帳  ',
    ]);
  });
});

describe('plan words', () => {
  const plan: Plan = {
    secretId: 'sk_1',
    kind: 'rotate',
    strategy: 'flip',
    why: 'two roles',
    server: { version: '16.4', superuser: false, sessions: 3 },
    tls: 'disable',
    statements: [{ target: 'db', text: "ALTER ROLE b PASSWORD '‹verifier›'", repeatable: false }],
    retirement: [{ target: 'db', text: 'ALTER ROLE a NOLOGIN', repeatable: true }],
    predictedOutageSeconds: 0,
    findings: [{ code: 'daemon-not-running', severity: 'blocks', details: { socket: '/s' } }],
  };

  test('says what runs now, what later, that TLS is off, and what blocks', () => {
    const text = planLines(plan).join('\n');

    expect(text).toContain("1. db: ALTER ROLE b PASSWORD '‹verifier›'   (never sent twice)");
    expect(text).toContain('runs once nobody holds the old password:');
    expect(text).toContain('OFF: the session is not encrypted');
    expect(planWords(plan).blocking).toEqual(['daemon-not-running']);
  });

  test('names the command below what blocks, and none where there is nothing to let go on', () => {
    const hba = { code: 'hba-line-broken', details: { file: '/pg_hba.conf', line: 7 } };
    const shown = (severity: 'blocks' | 'warns'): string => planLines({ ...plan, findings: [{ ...hba, severity }] }).join('\n');

    expect(shown('blocks')).toContain('next step: sikkerkey agent configure --secret sk_1 --accept-hba');
    expect(shown('warns')).not.toContain('next step');
    expect(findingStep('sk_1', { ...hba, severity: 'warns' })).toBeNull();
  });

  test.each([
    [0, 'none'],
    [0.2, 'under a second'],
    [3.2, 'about 4 s'],
  ])('an outage of %d s is %s', (seconds, words) => {
    expect(outageWords(seconds)).toBe(words);
  });
});

describe('progress', () => {
  const agent = makeAgentFact(1_700_000_000_000);

  test('has a line for a step and none for a heartbeat', () => {
    expect(progressLine(agent, { ...agent, beats: [1, 2] })).toBeNull();
    expect(progressLine(agent, { ...agent, state: 'SEALED', step: 'sealed', rotationId: 'rot_1' })).toBe(
      'ROTATING · step 2/7 sealed · v12 · rot_1',
    );
  });

  test('says once what reads the same', () => {
    const sealed = { ...agent, state: 'SEALED', step: 'sealed' as const, rotationId: 'rot_1' };

    expect(progressLine(sealed, { ...sealed, state: 'APPLYING' })).toBeNull();
  });

  test('names who still holds the old password', () => {
    const draining = { ...agent, state: 'DRAINING', holdOuts: [{ kind: 'reader' as const, name: 'api-7', count: 2 }] };

    expect(progressLine(agent, draining)).toContain('still held by api-7 (2)');
  });
});

test('the front ends tell the version of their package', () => {
  expect(frontEndVersion).toBe(packageFile.version);
});
