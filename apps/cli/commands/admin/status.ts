/** `admin status`: the vault's counts. */
import { operatorCommand } from '../../operator-call.ts';
import { factLines } from '../../table.ts';

export const status = operatorCommand({
  route: 'status',
  body: () => ({}),
  lines: (answer, _input, cells) =>
    factLines(
      [
        ['vault', `${answer.vaultId} · version ${answer.version}`],
        ['you are', answer.operatorId],
        ['projects', String(answer.projects)],
        ['secrets', String(answer.secrets)],
        ['machines', `${answer.machines}${answer.pendingMachines === 0 ? '' : ` (${answer.pendingMachines} waiting for approval)`}`],
        ['rotations', `${answer.rotationsInFlight} in flight`],
        ['audit entries', String(answer.auditSequence)],
      ],
      cells,
    ),
  hints: ({ pendingMachines }) => (pendingMachines === 0 ? [] : [['next', 'sikkerkey admin machine list']]),
});
