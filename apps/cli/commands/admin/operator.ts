/** `admin login`, `admin operator …`: operators are people with an Ed25519 key; the daemon keeps it and signs for them. */
import { generateKeyPairSync } from 'node:crypto';
import { writePrivateFile } from '@sikkerkey/host/private-files.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { instantWords } from '@sikkerkey/ui-shared/state/age.ts';
import type { Command } from '../../command.ts';
import { isConfirmed } from '../../confirm.ts';
import type { Context } from '../../context.ts';
import type { Input } from '../../input.ts';
import { callAsOperator, operatorCommand, vaultOption } from '../../operator-call.ts';
import { readSecret, secretOptions } from '../../secret-input.ts';
import { tableLines } from '../../table.ts';

export const login: Command = {
  options: {
    operator: { type: 'text', placeholder: 'id', help: "the operator's id", required: true },
    'api-url': { type: 'text', placeholder: 'url', help: "the vault's address", required: true },
    ...secretOptions('key', "operator's key"),
    moved: { type: 'flag', help: 'the vault that this host knows under another address has moved to this one' },
    ...vaultOption,
  },
  details: [
    'The key is the base64 text that `sikkerkey-vault init` or `admin operator new-key` made. It is asked for when none of its options is given.',
  ],
  run: async (input, context) => {
    const operatorId = input.identifier('operator');
    const apiUrl = input.text('api-url');
    const vaultId = input.optionalIdentifier('vault');
    const key = (await readSecret(input, context, 'key', "operator's key")).trim();
    const client = await context.connect();
    const kept = await client.call(
      'operator.add',
      { operatorId, apiUrl, key, hasMoved: input.flag('moved'), ...(vaultId === undefined ? {} : { vaultId }) },
      { deadlineMs: 60_000 },
    );
    if (context.json) context.printJson(kept);
    else {
      context.terminal.print(`the daemon signs for ${kept.operatorId} at ${kept.vaultId}`);
      context.hint('next', 'sikkerkey admin status');
    }
    return 0;
  },
};

export const create = operatorCommand({
  route: 'createOperator',
  positionals: [{ name: 'name', help: 'name of the person', required: true }],
  options: {
    'public-key': { type: 'text', placeholder: 'base64', help: 'what `admin operator new-key` printed for that person', required: true },
  },
  body: (input) => ({ name: input.text('name'), publicKey: input.text('public-key') }),
  lines: ({ operatorId, fingerprint }) => [`${operatorId} ${fingerprint}`],
  hints: ({ operatorId }) => [
    ['next, for that person', `sikkerkey admin login --operator ${operatorId} --api-url <url> --key-file <path>`],
  ],
});

export const list = operatorCommand({
  route: 'listOperators',
  body: () => ({}),
  lines: ({ operators }, _input, cells) =>
    tableLines(
      ['OPERATOR', 'NAME', 'STATE', 'SINCE', 'FINGERPRINT'],
      operators.map(({ operatorId, name, state, createdAt, fingerprint }) => [
        operatorId,
        name,
        state,
        instantWords(createdAt),
        fingerprint,
      ]),
      cells,
    ),
});

export const disable = operatorCommand({
  route: 'disableOperator',
  positionals: [{ name: 'operator', help: "the operator's id", required: true }],
  options: { yes: { type: 'flag', short: 'y', help: 'do not ask' } },
  details: ['For good, and from the next request on. Who needs access again is made an operator again, with a new key.'],
  body: async (input, context) => {
    const operatorId = input.identifier('operator');
    await askBeforeDisabling(operatorId, input, context);
    return { operatorId };
  },
  lines: ({ operatorId, name }) => [`${operatorId} ${name} is disabled`],
});

/** Of an operator who is unknown or disabled already the vault itself says so: there is nothing to ask. */
async function askBeforeDisabling(operatorId: string, input: Input, context: Context): Promise<void> {
  const { terminal } = context;
  const asks = !input.flag('yes');
  if (asks && !terminal.isInteractive) throw new CatalogueError('confirmation-missing', { command: `${input.commandName} ${operatorId}` });
  const { operatorId: oneself } = await callAsOperator(input, context, 'status', {});
  if (operatorId === oneself) terminal.complain('this is the operator that you are: from then on this vault refuses your own commands');
  if (!asks) return;
  const { operators } = await callAsOperator(input, context, 'listOperators', {});
  const found = operators.find((operator) => operator.operatorId === operatorId);
  if (found === undefined || found.state === 'disabled') return;
  if (!(await isConfirmed(terminal, `Disable ${found.name} (${operatorId}) for good?`))) input.fail('nobody was disabled');
}

/** Length of the PKCS#8 and SPKI prefixes before the 32 bytes of an Ed25519 key (RFC 8410). */
const privatePrefixBytes = 16;
const publicPrefixBytes = 12;

export const newKey: Command = {
  options: {
    'key-file': { type: 'text', placeholder: 'path', help: 'where the private half is written, readable by you alone', required: true },
  },
  details: ['Prints the public half, which another operator registers with `admin operator create`.'],
  run: async (input, context) => {
    const path = input.text('key-file');
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(privatePrefixBytes);
    const shown = publicKey.export({ format: 'der', type: 'spki' }).subarray(publicPrefixBytes).toString('base64');
    await refuseExisting(path, input.commandName);
    try {
      await writePrivateFile(path, `${seed.toString('base64')}\n`);
    } catch (cause) {
      const reason = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'not writable';
      throw new CatalogueError('input-unreadable', { source: path, reason, command: input.commandName }, { cause });
    }
    if (context.json) context.printJson({ publicKey: shown, keyFile: path });
    else context.terminal.print(shown);
    return 0;
  },
};

/** An old key is never overwritten: it may be the only one. */
async function refuseExisting(path: string, command: string): Promise<void> {
  const { existsSync } = await import('node:fs');
  if (existsSync(path)) throw new CatalogueError('input-unreadable', { source: path, reason: 'there is a file already', command });
}
