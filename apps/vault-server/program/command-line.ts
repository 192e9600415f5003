/** The command line of `sikkerkey-vault`, read into one command. Pure; throws `vault-usage` with the word at fault. */
import { parseArgs } from 'node:util';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

export interface ServeOptions {
  readonly dataDirectory: string;
  readonly listen: string;
  readonly tlsCertificateFile: string | null;
  readonly tlsKeyFile: string | null;
  readonly autoUnsealFile: string | null;
  readonly apiUrl: string | null;
  readonly insecureListen: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly lockoutFailures: number;
  readonly lockoutLoopback: boolean;
  readonly json: boolean;
}

export interface InitCommand {
  readonly kind: 'init';
  readonly dataDirectory: string;
  /** Where the unseal key goes instead of the terminal. */
  readonly keyFile: string | null;
  /** Where the first operator's key goes instead of the terminal. */
  readonly operatorKeyFile: string | null;
  readonly json: boolean;
}

export type Command =
  | InitCommand
  | ({ readonly kind: 'serve' } & ServeOptions)
  | { readonly kind: 'unseal'; readonly dataDirectory: string; readonly keyFile: string | null; readonly json: boolean }
  | { readonly kind: 'seal' | 'status'; readonly dataDirectory: string; readonly json: boolean }
  | { readonly kind: 'audit-verify'; readonly dataDirectory: string; readonly keyFile: string | null; readonly json: boolean }
  | { readonly kind: 'version' | 'help' };

/** Failed authentications of one address within a minute before it is refused. */
const defaultLockoutFailures = 10;

const options = {
  data: { type: 'string' },
  listen: { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'auto-unseal-file': { type: 'string' },
  'api-url': { type: 'string' },
  'insecure-listen': { type: 'boolean' },
  'log-level': { type: 'string' },
  'lockout-failures': { type: 'string' },
  'lockout-exempt-loopback': { type: 'boolean' },
  'key-file': { type: 'string' },
  'operator-key-file': { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;
type OptionName = keyof typeof options;

/** What each command accepts besides `--data`, `--json` and `--help`. */
const accepted: Readonly<Record<string, readonly OptionName[]>> = {
  init: ['key-file', 'operator-key-file'],
  serve: [
    'listen',
    'tls-cert',
    'tls-key',
    'auto-unseal-file',
    'api-url',
    'insecure-listen',
    'log-level',
    'lockout-failures',
    'lockout-exempt-loopback',
  ],
  unseal: ['key-file'],
  seal: [],
  status: [],
  'audit verify': ['key-file'],
};

export const usage = `sikkerkey-vault: the vault server

  sikkerkey-vault init          --data DIR [--key-file FILE] [--operator-key-file FILE] [--json]
  sikkerkey-vault serve         --data DIR [--listen HOST:PORT] [--tls-cert FILE --tls-key FILE] [--api-url URL]
                                [--auto-unseal-file FILE] [--insecure-listen] [--lockout-failures N]
                                [--lockout-exempt-loopback] [--log-level debug|info|warn|error] [--json]
  sikkerkey-vault unseal        --data DIR [--key-file FILE]     key from a file, else from a prompt or standard input
  sikkerkey-vault seal          --data DIR
  sikkerkey-vault status        --data DIR [--json]
  sikkerkey-vault audit verify  --data DIR [--key-file FILE] [--json]
`;

export function readCommandLine(words: readonly string[]): Command {
  const { values, positionals } = parse(words);
  if (values.help || positionals[0] === 'help' || words.length === 0) return { kind: 'help' };
  if (values.version || positionals[0] === 'version') return { kind: 'version' };
  const name = positionals.join(' ');
  refuseForeignOptions(name, values);
  const dataDirectory = values.data;
  if (dataDirectory === undefined || dataDirectory === '') throw usageError('--data');
  return commandOf(name, dataDirectory, values);
}

function refuseForeignOptions(name: string, values: Values): void {
  const allowed = Object.hasOwn(accepted, name) ? accepted[name] : undefined;
  if (allowed === undefined) throw usageError('command');
  for (const option of Object.keys(values)) {
    if (option !== 'data' && option !== 'json' && !allowed.some((one) => one === option)) throw usageError(`--${option}`);
  }
}

function commandOf(name: string, dataDirectory: string, values: Values): Command {
  const json = values.json ?? false;
  const keyFile = values['key-file'] ?? null;
  if (name === 'init') return { kind: name, dataDirectory, keyFile, operatorKeyFile: values['operator-key-file'] ?? null, json };
  if (name === 'unseal') return { kind: name, dataDirectory, keyFile, json };
  if (name === 'audit verify') return { kind: 'audit-verify', dataDirectory, keyFile, json };
  if (name === 'seal' || name === 'status') return { kind: name, dataDirectory, json };
  return { kind: 'serve', dataDirectory, json, ...serveOptions(values) };
}

type Values = ReturnType<typeof parse>['values'];

function parse(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usageError('options', error);
  }
}

function serveOptions(values: Values): Omit<ServeOptions, 'dataDirectory' | 'json'> {
  const tlsCertificateFile = values['tls-cert'] ?? null;
  const tlsKeyFile = values['tls-key'] ?? null;
  if ((tlsCertificateFile === null) !== (tlsKeyFile === null)) throw usageError(tlsKeyFile === null ? '--tls-key' : '--tls-cert');
  const logLevel = values['log-level'] ?? 'info';
  if (logLevel !== 'debug' && logLevel !== 'info' && logLevel !== 'warn' && logLevel !== 'error') throw usageError('--log-level');
  const lockoutFailures = Number(values['lockout-failures'] ?? defaultLockoutFailures);
  if (!Number.isInteger(lockoutFailures) || lockoutFailures < 1) throw usageError('--lockout-failures');
  const apiUrl = values['api-url'] ?? null;
  if (apiUrl !== null && !isBaseUrl(apiUrl)) throw usageError('--api-url');
  return {
    listen: values.listen ?? 'localhost:7330',
    tlsCertificateFile,
    tlsKeyFile,
    autoUnsealFile: values['auto-unseal-file'] ?? null,
    apiUrl,
    insecureListen: values['insecure-listen'] ?? false,
    logLevel,
    lockoutFailures,
    lockoutLoopback: !(values['lockout-exempt-loopback'] ?? false),
  };
}

/** An origin without a path: clients append paths to it as text (wire-runtime §1.3). */
function isBaseUrl(text: string): boolean {
  return /^https?:\/\/[^/?#@\s]+$/.test(text) && URL.canParse(text);
}

function usageError(word: string, cause?: unknown): CatalogueError {
  return new CatalogueError('vault-usage', { word }, { cause });
}
