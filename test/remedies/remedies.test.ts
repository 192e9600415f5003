import { findCommand } from '@sikkerkey/cli/command-table.ts';
import { parseInput } from '@sikkerkey/cli/input.ts';
import { type ErrorCode, errorCatalogue } from '@sikkerkey/protocol/error-catalogue.ts';
import type { CatalogueEntry } from '@sikkerkey/protocol/errors/entry.ts';
import { readCommandLine } from '@sikkerkey/vault-server/program/command-line.ts';
import { describe, expect, test } from 'vitest';

/** What stands for a fact of the case, or for what only the reader knows. */
const examples: Readonly<Record<string, string>> = {
  '{secretId}': 's_4f1c',
  '{command}': 'agent rotate --secret s_4f1c',
  '{subject}': 'project',
  '{act}': 'audit verify',
  SECRET: 's_4f1c',
  MACHINE: 'm_77aa',
  PROJECT: 'p_01',
  PERMISSION: 'read',
  DIR: '/srv/vault',
  HOST: 'db.example',
  PORT: '5433',
  DATABASE: 'orders',
  ADMIN: 'keeper',
  TLS: 'verify-full',
  NAME: 'orders',
  FILE: '/srv/file.pem',
  URL: 'https://vault.example',
};

const catalogue: readonly (readonly [ErrorCode, CatalogueEntry])[] = Object.entries(errorCatalogue) as [ErrorCode, CatalogueEntry][];
const withRemedy = catalogue.flatMap(([code, { remedy }]) => (remedy === null ? [] : [[code, remedy] as const]));

function wordsOf(remedy: string): string[] {
  const filled = Object.entries(examples).reduce((text, [placeholder, value]) => text.replaceAll(placeholder, value), remedy);
  return filled.split(' ');
}

/** Parses as the program would, and runs nothing. Throws `usage-invalid` or `vault-usage` as the program would. */
async function parseRemedy(remedy: string): Promise<void> {
  const [program, ...args] = wordsOf(remedy);
  if (program === 'sikkerkey-vault') {
    readCommandLine(args);
    return;
  }
  expect(program).toBe('sikkerkey');
  const entry = findCommand(args);
  if (entry === null) throw new Error(`no such command: ${remedy}`);
  const command = await entry.load();
  if (args.includes('--help')) return;
  const rest = args.slice(entry.path.length);
  parseInput(entry.path.join(' '), command, rest);
  if (entry.path[0] === 'help') expect(namesCommands(rest), `help knows nothing of "${rest.join(' ')}"`).toBe(true);
}

/** `help agent` names a group, `help agent configure` a command. */
function namesCommands(words: readonly string[]): boolean {
  return words.length === 0 || findCommand(words) !== null || findCommandGroup(words);
}

function findCommandGroup(words: readonly string[]): boolean {
  return ['list', 'start', 'status', 'login'].some((word) => findCommand([...words, word]) !== null);
}

describe('every remedy is a command that exists and parses', () => {
  test.each(withRemedy)('%s: %s', async (_code, remedy) => {
    await parseRemedy(remedy);
  });
});

describe('every entry is complete', () => {
  test.each(catalogue)('%s names the facts that its texts use', (_code, entry) => {
    const texts = [entry.title, entry.whatHappened, entry.stillWorks, entry.remedy ?? ''].join(' ');
    const used = [...texts.matchAll(/\{([A-Za-z]+)\}/g)].map((match) => match[1]);

    expect(entry.details).toEqual(expect.arrayContaining(used));
  });

  test.each(catalogue)('%s has a title that stands in a line', (_code, entry) => {
    expect(entry.title).not.toMatch(/[.!]$/);
  });
});
