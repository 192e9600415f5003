/** `admin grant …`: which machine may read the live value, and which may run the agent. */

import type { Input } from '../../input.ts';
import { operatorCommand } from '../../operator-call.ts';
import { secretId } from '../../secret-option.ts';
import { tableLines } from '../../table.ts';

const permissions = ['read', 'rotate'] as const;
const options = {
  machine: { type: 'text', placeholder: 'id', help: 'the machine', required: true },
  permission: {
    type: 'text',
    placeholder: 'name',
    help: 'read (the value) or rotate (run the agent)',
    choices: permissions,
    required: true,
  },
} as const;

const body = (input: Input) => ({
  secretId: input.identifier('secret'),
  machineId: input.identifier('machine'),
  permission: permissions.find((known) => known === input.text('permission')) ?? input.fail('--permission is read or rotate'),
});

export const add = operatorCommand({
  route: 'grant',
  positionals: secretId,
  options,
  body,
  lines: (_answer, input) => [`${input.text('machine')} may ${input.text('permission')} ${input.text('secret')}`],
});

export const remove = operatorCommand({
  route: 'revoke',
  positionals: secretId,
  options,
  body,
  lines: (_answer, input) => [`${input.text('machine')} may no longer ${input.text('permission')} ${input.text('secret')}`],
});

export const list = operatorCommand({
  route: 'listGrants',
  positionals: secretId,
  body: (input) => ({ secretId: input.identifier('secret') }),
  lines: ({ grants }, _input, cells) =>
    grants.length === 0
      ? ['no grants']
      : tableLines(
          ['MACHINE', 'NAME', 'PERMISSION'],
          grants.map(({ machineId, machineName, permission }) => [machineId, machineName, permission]),
          cells,
        ),
});
