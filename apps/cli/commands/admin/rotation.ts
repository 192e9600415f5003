/** `admin rotate`, `admin rotations`, `admin retire-now`. */

import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { OperatorAnswer } from '@sikkerkey/protocol/vault/operator.ts';
import { instantWords } from '@sikkerkey/ui-shared/state/age.ts';
import { wrapWords } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import { endTheWait, readerHoldWords, waitWords } from '@sikkerkey/ui-shared/wording/holders.ts';
import { isConfirmed } from '../../confirm.ts';
import type { Context } from '../../context.ts';
import type { Input } from '../../input.ts';
import { callAsOperator, operatorCommand } from '../../operator-call.ts';
import { secretId } from '../../secret-option.ts';
import { tableLines } from '../../table.ts';

export const rotate = operatorCommand({
  route: 'rotate',
  positionals: secretId,
  body: (input) => ({ secretId: input.identifier('secret') }),
  lines: ({ rotationId, state }) => [`${rotationId} ${state}`],
  hints: ({ state, waitsFor }, input) =>
    state === 'waiting-for-drain' && waitsFor !== null
      ? [waitWords(waitsFor.holdOuts.map(readerHoldWords), waitsFor.drainDeadlineAt), endTheWait(input.text('secret'))]
      : [],
});

export const retireNow = operatorCommand({
  route: 'retireNow',
  positionals: secretId,
  options: { yes: { type: 'flag', short: 'y', help: 'do not ask' } },
  details: ['The emergency exit: whoever still holds the old password is locked out until it reads the new one. They are named before.'],
  body: async (input, context) => {
    const id = input.identifier('secret');
    if (!input.flag('yes')) await askBeforeLockingOut(id, input, context);
    return { secretId: id };
  },
  lines: ({ rotationId, broken }, _input, cells) => [
    `${rotationId} is being retired`,
    ...(broken.length === 0
      ? ['nobody held the old password']
      : ['these held the old password:', ...broken.flatMap((hold) => wrapWords(`  ${readerHoldWords(hold)}`, cells, 4))]),
  ],
});

/** Nobody is locked out unasked; where nobody holds the password there is nothing to ask. */
async function askBeforeLockingOut(secret: string, input: Input, context: Context): Promise<void> {
  if (!context.terminal.isInteractive) throw new CatalogueError('confirmation-missing', { command: `${input.commandName} ${secret}` });
  const { rotations: known } = await callAsOperator(input, context, 'listRotations', { secretId: secret });
  const holders = known.filter(({ drainDeadlineAt }) => drainDeadlineAt !== null).flatMap(({ holdOuts }) => holdOuts);
  if (holders.length === 0) return;
  context.terminal.complain('these are locked out until they read the new password:');
  for (const line of holders.flatMap((hold) => wrapWords(`  ${readerHoldWords(hold)}`, context.terminal.complaintColumns, 4)))
    context.terminal.complain(line);
  if (!(await isConfirmed(context.terminal, 'Retire the old password now?'))) input.fail('nothing was retired');
}

export const rotations = operatorCommand({
  route: 'listRotations',
  positionals: secretId,
  options: { limit: { type: 'number', help: 'at most this many', min: 1, max: 200 } },
  body: (input) => {
    const limit = input.optionalNumber('limit');
    return { secretId: input.identifier('secret'), ...(limit === undefined ? {} : { limit }) };
  },
  lines: (answer, _input, cells) =>
    answer.rotations.length === 0
      ? ['no rotations']
      : tableLines(
          ['ROTATION', 'VERSION', 'STATE', 'REQUESTED', 'PROMOTED', 'ENDED', 'HELD BY', 'ERROR'],
          answer.rotations.map((rotation) => [
            rotation.rotationId,
            `v${rotation.version}`,
            rotation.state,
            instantWords(rotation.requestedAt),
            instantWords(rotation.promotedAt),
            instantWords(rotation.endedAt),
            rotation.holdOuts.length === 0 ? '—' : `${rotation.holdOuts.length}`,
            rotation.errorCode ?? '—',
          ]),
          cells,
        ).concat(answer.rotations.flatMap(holderLines).flatMap((line) => wrapWords(line, cells, 4))),
  hints: (answer, input) =>
    answer.rotations.some(({ drainDeadlineAt }) => drainDeadlineAt !== null) ? [endTheWait(input.text('secret'))] : [],
});

/** Who still uses the password before that of a rotation that drains; a cell of the table is too narrow for them. */
function holderLines({ rotationId, holdOuts, drainDeadlineAt }: OperatorAnswer<'listRotations'>['rotations'][number]): readonly string[] {
  if (drainDeadlineAt === null) return [];
  if (holdOuts.length === 0) return [`${rotationId}: nobody holds the password before it any more`];
  return [
    `${rotationId}: the password before it is held, until ${instantWords(drainDeadlineAt)} at the latest, by`,
    ...holdOuts.map((hold) => `  ${readerHoldWords(hold)}`),
  ];
}
