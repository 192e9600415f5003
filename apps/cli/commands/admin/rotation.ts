/** `admin rotate`, `admin rotations`, `admin retire-now`. */

import type { OperatorAnswer } from '@sikkerkey/protocol/vault/operator.ts';
import { instantWords } from '@sikkerkey/ui-shared/state/age.ts';
import { operatorCommand } from '../../operator-call.ts';
import { secretId } from '../../secret-option.ts';
import { tableLines } from '../../table.ts';

export const rotate = operatorCommand({
  route: 'rotate',
  positionals: secretId,
  body: (input) => ({ secretId: input.identifier('secret') }),
  lines: ({ rotationId, state }) => [`${rotationId} ${state}`],
  hints: ({ state }, input) =>
    state === 'waiting-for-drain'
      ? [`it waits until nobody holds the password before the last: sikkerkey admin rotations ${input.text('secret')}`]
      : [],
});

export const retireNow = operatorCommand({
  route: 'retireNow',
  positionals: secretId,
  details: ['The emergency exit: whoever still holds the old password is locked out until it reads the new one. The answer names them.'],
  body: (input) => ({ secretId: input.identifier('secret') }),
  lines: ({ rotationId, broken }) => [
    `${rotationId} is being retired`,
    ...(broken.length === 0
      ? ['nobody held the old password']
      : ['these held the old password:', ...tableLines(['MACHINE', 'INSTANCE', 'POOL', 'VERSION'], broken.map(holdCells))]),
  ],
});

export const rotations = operatorCommand({
  route: 'listRotations',
  positionals: secretId,
  options: { limit: { type: 'number', help: 'at most this many', min: 1, max: 200 } },
  body: (input) => {
    const limit = input.optionalNumber('limit');
    return { secretId: input.identifier('secret'), ...(limit === undefined ? {} : { limit }) };
  },
  lines: (answer) =>
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
            rotation.holdOuts.length === 0 ? '-' : rotation.holdOuts.map((hold) => holdCells(hold).slice(0, 3).join('/')).join(' '),
            rotation.errorCode ?? '-',
          ]),
        ),
});

type Hold = OperatorAnswer<'retireNow'>['broken'][number];

/** A reader that named no instance is known by its machine only. */
function holdCells({ machineName, instance, pool, version }: Hold): readonly string[] {
  return [machineName, instance ?? '(unnamed)', pool ?? '-', `v${version}`];
}
