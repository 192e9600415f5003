/** The command line of `sikkerkey-vault`, read into one command. Pure; throws `vault-usage` with the word at fault. */
import { parseArgs } from 'node:util';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { type CommandName, commandHelp, type OptionName } from './help.ts';

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

export interface OperatorCreateCommand {
  readonly kind: 'operator-create';
  readonly dataDirectory: string;
  readonly name: string;
  /** Where the unseal key is read from. */
  readonly keyFile: string | null;
  /** Where the operator's key goes instead of the terminal. */
  readonly operatorKeyFile: string | null;
  readonly json: boolean;
}

export type Command =
  | InitCommand
  | OperatorCreateCommand
  | ({ readonly kind: 'serve' } & ServeOptions)
  | { readonly kind: 'unseal'; readonly dataDirectory: string; readonly keyFile: string | null; readonly json: boolean }
  | { readonly kind: 'seal' | 'status'; readonly dataDirectory: string; readonly json: boolean }
  | { readonly kind: 'audit-verify'; readonly dataDirectory: string; readonly keyFile: string | null; readonly json: boolean }
  | { readonly kind: 'version' }
  /** `asked`: by its name; else nothing was typed, and the help is the complaint. */
  | { readonly kind: 'help'; readonly topic: CommandName | null; readonly asked: boolean };

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
  name: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const satisfies Readonly<Record<OptionName | 'help' | 'version', object>>;

export function readCommandLine(words: readonly string[]): Command {
  const { values, positionals } = parse(words);
  const name = positionals.join(' ');
  if (words.length === 0) return { kind: 'help', topic: null, asked: false };
  if (values.version || name === 'version') return { kind: 'version' };
  if (values.help || positionals[0] === 'help') return helpOf(positionals[0] === 'help' ? positionals.slice(1).join(' ') : name);
  refuseForeignOptions(name, values);
  const dataDirectory = values.data;
  if (dataDirectory === undefined || dataDirectory === '') throw usageError('--data');
  return commandOf(name, dataDirectory, values);
}

function helpOf(name: string): Command {
  if (name !== '' && !isCommandName(name)) throw usageError('command');
  return { kind: 'help', topic: name === '' ? null : name, asked: true };
}

function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(commandHelp, name);
}

function refuseForeignOptions(name: string, values: Values): void {
  if (!isCommandName(name)) throw usageError('command');
  const allowed: readonly OptionName[] = commandHelp[name].options;
  for (const option of Object.keys(values)) {
    if (option !== 'data' && option !== 'json' && !allowed.some((one) => one === option)) throw usageError(`--${option}`);
  }
}

function commandOf(name: string, dataDirectory: string, values: Values): Command {
  const json = values.json ?? false;
  const keyFile = values['key-file'] ?? null;
  const operatorKeyFile = values['operator-key-file'] ?? null;
  if (name === 'init') return { kind: name, dataDirectory, keyFile, operatorKeyFile, json };
  if (name === 'operator create') {
    return { kind: 'operator-create', dataDirectory, name: operatorName(values), keyFile, operatorKeyFile, json };
  }
  if (name === 'unseal') return { kind: name, dataDirectory, keyFile, json };
  if (name === 'audit verify') return { kind: 'audit-verify', dataDirectory, keyFile, json };
  if (name === 'seal' || name === 'status') return { kind: name, dataDirectory, json };
  return { kind: 'serve', dataDirectory, json, ...serveOptions(values) };
}

function operatorName({ name }: Values): string {
  if (name === undefined || name === '') throw usageError('--name');
  return name;
}

type Values = ReturnType<typeof parse>['values'];

function parse(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Only the name of an option is repeated, never what follows it.
    const name = error instanceof Error ? /'?(--?[A-Za-z][A-Za-z0-9-]*)/.exec(error.message)?.[1] : undefined;
    throw usageError(name ?? 'options', error);
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
