/**
 * How a secret comes in: a prompt without echo, a file, stdin or a descriptor. On the command line only where a published
 * flag exists, and then with a warning, since every user of the machine can read it there.
 */
import { readFile } from 'node:fs/promises';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { OptionTable } from './command-form.ts';
import type { Context } from './context.ts';
import type { Input } from './input.ts';

const maxSecretBytes = 65_536;

/** The options for one secret; `onCommandLine` adds the flag that carries the value itself. */
export function secretOptions(name: string, what: string, onCommandLine = false): OptionTable {
  return {
    [`${name}-file`]: { type: 'text', placeholder: 'path', help: `read the ${what} from a file` },
    [`${name}-stdin`]: { type: 'flag', help: `read the ${what} from standard input` },
    [`${name}-fd`]: { type: 'number', placeholder: 'n', help: `read the ${what} from this file descriptor`, max: 1024 },
    ...(onCommandLine
      ? { [name]: { type: 'text', placeholder: 'text', help: `the ${what} itself (others on this machine can see it)` } }
      : {}),
  };
}

/** Whether any of the ways for this secret was given. */
export function hasSecretInput(input: Input, name: string): boolean {
  return (
    input.optionalText(name) !== undefined ||
    input.optionalText(`${name}-file`) !== undefined ||
    input.flag(`${name}-stdin`) ||
    input.optionalNumber(`${name}-fd`) !== undefined
  );
}

/**
 * The secret, without the line break that editors and `echo` leave at its end. `whole`: as it is, line breaks included.
 * Throws `secret-input-missing`, `input-unreadable`, `usage-invalid`.
 */
export async function readSecret(input: Input, context: Context, name: string, what: string, whole = false): Promise<string> {
  const ways = [
    input.optionalText(name),
    input.optionalText(`${name}-file`),
    input.flag(`${name}-stdin`) || undefined,
    input.optionalNumber(`${name}-fd`),
  ].filter((way) => way !== undefined);
  if (ways.length > 1) input.fail(`the ${what} is given in more than one way`);
  const text = await readOneWay(input, context, name, what);
  const value = whole ? text : text.replace(/\r?\n$/, '');
  if (value === '') input.fail(`the ${what} is empty`);
  return value;
}

async function readOneWay(input: Input, context: Context, name: string, what: string): Promise<string> {
  const { terminal } = context;
  const shown = input.optionalText(name);
  if (shown !== undefined) {
    context.hint(`warning: --${name} shows the ${what} to every user of this machine; --${name}-file or a prompt does not`);
    return shown;
  }
  const path = input.optionalText(`${name}-file`);
  if (path !== undefined) return readSource(input, path, () => readBounded(path));
  const descriptor = input.optionalNumber(`${name}-fd`);
  if (descriptor !== undefined) return readSource(input, `descriptor ${descriptor}`, () => readBounded(descriptor));
  if (input.flag(`${name}-stdin`)) return readSource(input, 'standard input', () => terminal.readStdin(maxSecretBytes));
  if (terminal.isInteractive) return terminal.ask(`${what}: `, true);
  throw new CatalogueError('secret-input-missing', {
    what,
    options: `--${name}-file, --${name}-stdin or --${name}-fd`,
    command: input.commandName,
  });
}

async function readBounded(source: string | number): Promise<string> {
  if (typeof source === 'string') {
    const bytes = await readFile(source);
    if (bytes.byteLength > maxSecretBytes) throw new RangeError('too much input');
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  }
  const { readFileSync } = await import('node:fs');
  const bytes = readFileSync(source);
  if (bytes.byteLength > maxSecretBytes) throw new RangeError('too much input');
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

/** Reads, and turns what can go wrong into a code; the content never becomes part of it. */
async function readSource(input: Input, source: string, read: () => Promise<string>): Promise<string> {
  try {
    return await read();
  } catch (cause) {
    throw new CatalogueError('input-unreadable', { source, reason: reasonOf(cause), command: input.commandName }, { cause });
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof RangeError) return `more than ${maxSecretBytes} bytes`;
  if (error instanceof TypeError) return 'not UTF-8';
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'this user may not read it',
    EISDIR: 'it is a directory',
    EBADF: 'it is not open',
  };
  return Object.hasOwn(known, code) ? (known[code] ?? code) : code;
}
