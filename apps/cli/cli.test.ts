import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CommandForm } from './command-form.ts';
import { commandTable, findCommand } from './command-table.ts';
import { parseDuration } from './duration.ts';
import { helpLines, usageLine } from './help.ts';
import { parseInput } from './input.ts';
import { runCommandLine } from './run.ts';
import { Interrupted, type Terminal } from './terminal.ts';

describe('the command table', () => {
  test('finds the longest command that the words begin with', () => {
    expect(findCommand(['agent', 'list', '--json'])?.path).toEqual(['agent', 'list']);
    expect(findCommand(['admin', 'secret', 'create-managed', 'x'])?.path).toEqual(['admin', 'secret', 'create-managed']);
    expect(findCommand(['admin', 'secret'])).toBeNull();
    expect(findCommand([])).toBeNull();
  });

  test('has no command twice', () => {
    const names = commandTable.map(({ path }) => path.join(' '));

    expect(new Set(names).size).toBe(names.length);
  });

  test.each(commandTable.map((entry) => [entry.path.join(' '), entry] as const))(
    '%s loads, and its help names every option',
    async (_name, entry) => {
      const command = await entry.load();
      const help = helpLines(entry, command).join('\n');

      for (const name of Object.keys(command.options ?? {})) expect(help).toContain(`--${name}`);
      expect(help).not.toMatch(/undefined|\[object/);
    },
  );

  test.each([
    [
      'agent configure',
      ['secret', 'provider', 'host', 'port', 'database', 'admin-user', 'admin-pass', 'username-field', 'password-field', 'poll-interval'],
    ],
    ['agent start', ['secret']],
    ['agent test', ['secret']],
    ['agent stop', ['secret']],
    ['agent remove', ['secret']],
  ])('%s keeps the published flags', async (name, flags) => {
    const command = await findCommand(name.split(' '))?.load();

    expect(Object.keys(command?.options ?? {})).toEqual(expect.arrayContaining(flags));
  });

  test('shows the published form where a positional stands in for --secret', async () => {
    const entry = findCommand(['agent', 'stop']);
    if (entry === null) throw new Error('there is no agent stop');

    expect(usageLine(entry, await entry.load())).toBe('usage: sikkerkey agent stop --secret <id>');
  });
});

describe('what was typed', () => {
  const form: CommandForm = {
    positionals: [{ name: 'secret', help: '', required: false }],
    options: {
      secret: { type: 'text', help: '', required: true },
      port: { type: 'number', help: '', min: 1, max: 65_535 },
      tls: { type: 'text', help: '', choices: ['on', 'off'] },
      every: { type: 'duration', help: '' },
      yes: { type: 'flag', help: '', short: 'y' },
    },
  };
  const parse = (...args: string[]) => parseInput('agent test', form, args);

  test('may be written with = or a space, in any order, and the last one wins', () => {
    const input = parse('--port', '1', '--secret=sk_1', '--port=2', '-y');

    expect([input.identifier('secret'), input.optionalNumber('port'), input.flag('yes')]).toEqual(['sk_1', 2, true]);
  });

  test('takes the id alone in place of --secret', () => {
    expect(parse('sk_1').identifier('secret')).toBe('sk_1');
  });

  test.each([
    ['nothing', []],
    ['an unknown flag', ['sk', '--colour', 'red']],
    ['a flag without its value', ['--secret']],
    ['a value for a switch', ['sk', '--yes=no']],
    ['a number that is none', ['sk', '--port', '80a']],
    ['a number out of range', ['sk', '--port', '65536']],
    ['a choice that is none', ['sk', '--tls', 'maybe']],
    ['a span that is none', ['sk', '--every', '3 days']],
    ['two ids', ['sk', 'sk2']],
    ['the id twice', ['sk', '--secret', 'sk']],
  ])('is refused with usage-invalid: %s', (_name, args) => {
    expect(() => parse(...args)).toThrowError(expect.objectContaining({ code: 'usage-invalid' }));
  });

  test('is never repeated in the complaint, for it may hold a secret', () => {
    fc.assert(
      fc.property(fc.constantFrom('--prot=', '--port=', '--tls=', '--every='), (flag) => {
        try {
          parse('sk', `${flag}canary-7f3a`);
        } catch (error) {
          expect(JSON.stringify(error) + String(error)).not.toContain('canary');
        }
      }),
    );
  });

  test.each(['../etc', 'a b', '', 'ä', 'x'.repeat(129)])('an id such as %j is refused', (id) => {
    expect(() => parse('--secret', id).identifier('secret')).toThrowError(expect.objectContaining({ code: 'usage-invalid' }));
  });
});

test.each([
  ['90s', 90_000],
  ['500ms', 500],
  ['30d', 2_592_000_000],
  ['off', null],
])('%s is a span', (text, ms) => {
  expect(parseDuration(text)).toEqual({ ms });
});

describe('a command that does not exist', () => {
  const complaintAbout = async (...args: string[]): Promise<{ code: number; printed: string[]; complained: string[] }> => {
    const printed: string[] = [];
    const complained: string[] = [];
    const terminal: Terminal = {
      print: (line) => void printed.push(line),
      complain: (line) => void complained.push(line),
      isInteractive: false,
      columns: 80,
      complaintColumns: 80,
      ask: () => Promise.reject(new Interrupted()),
      readStdin: () => Promise.resolve(''),
      interruption: () => new AbortController().signal,
    };
    return { code: await runCommandLine(args, terminal), printed, complained };
  };

  test.each([
    { args: ['foo'], name: 'foo' },
    { args: ['foo', '--help'], name: 'foo' },
    { args: ['agent', 'lsit'], name: 'agent lsit' },
  ])('is named, without the list of all commands: $args', async ({ args, name }) => {
    const { code, printed, complained } = await complaintAbout(...args);

    expect([code, printed]).toEqual([2, []]);
    expect(complained[1]).toMatch(new RegExp(`\\b${name}$`));
    expect(complained.at(-1)).toMatch(/sikkerkey help$/);
  });

  test('has the words behind it kept out of the complaint, for they may be a secret', async () => {
    expect((await complaintAbout('foo', 'canary-7f3a')).complained.join()).not.toContain('canary');
  });
});
