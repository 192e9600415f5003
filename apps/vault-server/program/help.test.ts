import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { type ErrorCode, errorCatalogue } from '@sikkerkey/protocol/error-catalogue.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCommandLine } from './command-line.ts';
import { fitted } from './fitted-text.ts';
import { type CommandName, commandHelp, helpText, optionHelp } from './help.ts';
import { describeFailure } from './show-failure.ts';

const commands = Object.keys(commandHelp) as CommandName[];

describe('the help', () => {
  test('names every command', () => {
    for (const name of commands) expect(helpText(null, null)).toContain(`  ${name} `);
  });

  test.each(commands)('of %s names what it takes, and nothing else', (name) => {
    const taken: readonly string[] = ['data', 'json', ...commandHelp[name].options];

    for (const [option, { form }] of Object.entries(optionHelp)) {
      expect(helpText(name, null).includes(`  ${form} `)).toBe(taken.includes(option));
    }
  });

  test.each(commands)('of %s fits a terminal of 80 columns', (name) => {
    for (const line of helpText(name, 80).split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test.each(commands)('of %s is had by --help and by its name', (name) => {
    const expected = { kind: 'help', topic: name, asked: true };

    expect(readCommandLine([...name.split(' '), '--help'])).toEqual(expected);
    expect(readCommandLine(['help', ...name.split(' ')])).toEqual(expected);
  });
});

describe('a failure', () => {
  const shown = (code: ErrorCode, dataDirectory: string | null, cells: number | null = null): string => {
    const details = Object.fromEntries(errorCatalogue[code].details.map((name) => [name, 'x']));
    return describeFailure(new CatalogueError(code, details as never), { dataDirectory, cells }).text;
  };

  test('has the data directory that was typed in its remedy', () => {
    expect(shown('vault-not-running', '/srv/vault')).toContain('sikkerkey-vault serve --data /srv/vault');
    expect(shown('vault-not-running', '/srv/my vault')).toContain("sikkerkey-vault serve --data '/srv/my vault'");
    expect(shown('vault-not-running', null)).toContain('sikkerkey-vault serve --data DIR');
  });

  test('is told in the lines of the other programs', () => {
    expect(shown('vault-exists', 'd').split('\n')).toEqual([
      'error: there is a vault in this data directory already (vault-exists)',
      '  what happened: A vault is made once; its keys were shown then.',
      '  still works:   The existing vault was not touched.',
      '  next step:     sikkerkey-vault serve --data d',
    ]);
  });
});

test('text is broken between words, and a key never', () => {
  const key = 'SKU1-H48XRD3-CSNHEJ8-TEM94R7-XSFRB38-62YAGBT-YFZBYNC-CEXR75B-J60GYWT';

  expect(fitted(`  unseal key ${key} is shown once`, 30, 4)).toEqual(['  unseal key', `    ${key}`, '    is shown once']);
  fc.assert(
    fc.property(fc.lorem({ maxCount: 40 }), fc.integer({ min: 20, max: 90 }), fc.integer({ min: 0, max: 10 }), (text, cells, hang) => {
      const lines = fitted(text, cells, hang);

      expect(lines.flatMap((line) => line.trim().split(' '))).toEqual(text.split(' '));
      for (const line of lines) expect(line.length <= cells || !line.trim().includes(' ')).toBe(true);
    }),
  );
});
