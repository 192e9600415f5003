/** The help of `sikkerkey-vault`: one table of commands and options, which reading the command line checks against too. */
import { fitted } from './fitted-text.ts';

interface OptionHelp {
  readonly form: string;
  readonly help: string;
}

export const optionHelp = {
  data: { form: '--data DIR', help: 'the data directory of the vault (required)' },
  listen: { form: '--listen HOST:PORT', help: 'where it listens (default: localhost:7330)' },
  'tls-cert': { form: '--tls-cert FILE', help: 'certificate, and those between it and its authority' },
  'tls-key': { form: '--tls-key FILE', help: 'private key of the certificate' },
  'auto-unseal-file': {
    form: '--auto-unseal-file FILE',
    help: 'unseal at the start with the key in this private file; whoever reads it and the store can read every secret',
  },
  'api-url': { form: '--api-url URL', help: 'how clients reach it, where that is not the address it listens on' },
  'insecure-listen': { form: '--insecure-listen', help: 'listen beyond this host without TLS all the same' },
  'log-level': { form: '--log-level LEVEL', help: 'debug, info (default), warn or error' },
  'lockout-failures': { form: '--lockout-failures N', help: 'failed authentications of one address in a minute (default: 10)' },
  'lockout-exempt-loopback': { form: '--lockout-exempt-loopback', help: 'never lock out the addresses of this host' },
  'key-file': { form: '--key-file FILE', help: 'a private file for the unseal key' },
  'operator-key-file': { form: '--operator-key-file FILE', help: "a private file for the operator's key" },
  name: { form: '--name NAME', help: 'name of the person (required)' },
  json: { form: '--json', help: 'print JSON instead of text' },
} as const satisfies Readonly<Record<string, OptionHelp>>;
export type OptionName = keyof typeof optionHelp;

interface CommandHelp {
  readonly summary: string;
  /** Besides `--data` and `--json`, which all take. */
  readonly options: readonly OptionName[];
  readonly details: readonly string[];
}

const keyFromElsewhere = 'Without --key-file the unseal key is asked for on the terminal, or read from standard input where there is none.';

export const commandHelp = {
  init: {
    summary: 'make a vault, its unseal key and its first operator',
    options: ['key-file', 'operator-key-file'],
    details: ['Each key is printed once, or written to its file instead. Without the unseal key nobody can read the vault again.'],
  },
  serve: {
    summary: 'serve the vault until interrupted',
    options: [
      'listen',
      'tls-cert',
      'tls-key',
      'api-url',
      'auto-unseal-file',
      'insecure-listen',
      'lockout-failures',
      'lockout-exempt-loopback',
      'log-level',
    ],
    details: ['It starts sealed, and answers nobody but `sikkerkey-vault unseal` until it is unsealed.'],
  },
  unseal: { summary: 'unseal the vault that is being served', options: ['key-file'], details: [keyFromElsewhere] },
  seal: { summary: 'seal it: its keys leave the memory', options: [], details: ['Applications keep the values that they have.'] },
  status: { summary: 'whether it is served, where, and sealed or not', options: [], details: [] },
  'operator create': {
    summary: 'make an operator where no key of one is left; the vault must be stopped',
    options: ['name', 'key-file', 'operator-key-file'],
    details: [
      "Needs the unseal key, and is written in the audit log. The operator's key is printed once, or written to its file instead.",
      keyFromElsewhere,
    ],
  },
  'audit verify': {
    summary: 'check the audit log, whether the vault is served or not',
    options: ['key-file'],
    details: [keyFromElsewhere, 'Exit code 0: the log holds. 6: something was found.'],
  },
} as const satisfies Readonly<Record<string, CommandHelp>>;
export type CommandName = keyof typeof commandHelp;

const exitCodes = 'Exit codes: 0 ok, 1 failed, 2 usage, 3 not reachable, 4 denied, 5 not found, 6 needs attention, 7 conflict.';

/** The help of one command, or of all, for a terminal of `cells` or of any width. */
export function helpText(topic: CommandName | null, cells: number | null): string {
  return (topic === null ? overview(cells) : ofCommand(topic, cells)).join('\n');
}

function overview(cells: number | null): readonly string[] {
  return [
    'usage: sikkerkey-vault <command> --data DIR [options]',
    '',
    ...twoColumns(
      Object.entries(commandHelp).map(([name, { summary }]) => [name, summary]),
      cells,
    ),
    '',
    ...fitted('sikkerkey-vault <command> --help tells more. Every command takes --json.', cells),
    ...fitted(exitCodes, cells),
  ];
}

function ofCommand(name: CommandName, cells: number | null): readonly string[] {
  const { summary, options, details }: CommandHelp = commandHelp[name];
  const rows = (['data', ...options, 'json'] as const).map((option) => [optionHelp[option].form, optionHelp[option].help] as const);
  return [
    `usage: sikkerkey-vault ${name} --data DIR${options.length === 0 ? '' : ' [options]'}`,
    '',
    summary,
    ...details.flatMap((paragraph) => ['', ...fitted(paragraph, cells)]),
    '',
    ...twoColumns([...rows, ['-h, --help', 'show this help']], cells),
  ];
}

function twoColumns(rows: readonly (readonly [string, string])[], cells: number | null): readonly string[] {
  const width = Math.max(...rows.map(([form]) => form.length));
  return rows.flatMap(([form, help]) => fitted(`  ${form.padEnd(width)}  ${help}`, cells, width + 4));
}
