/** `admin machine …`. */
import { instantWords } from '@sikkerkey/ui-shared/state/age.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import type { PositionalSpec } from '../../command-form.ts';
import { operatorCommand } from '../../operator-call.ts';
import { tableLines } from '../../table.ts';

const machineId: readonly PositionalSpec[] = [{ name: 'machine', help: 'id of the machine', required: true }];
const projectOption = { project: { type: 'text', placeholder: 'id', help: 'the project', required: true } } as const;

export const token = operatorCommand({
  route: 'createBootstrapToken',
  options: { project: { type: 'text', placeholder: 'id', help: 'let the machine see this project once approved', multiple: true } },
  body: (input) => {
    const projectIds = [...input.texts('project')];
    return projectIds.length === 0 ? {} : { projectIds };
  },
  lines: (answer) => [answer.token],
  hints: ({ expiresAt }) => [
    `valid once, until ${instantWords(expiresAt)}; it is not shown again`,
    ['next, on the machine (it asks for the token)', 'sikkerkey enroll --api-url <url>'],
  ],
});

export const list = operatorCommand({
  route: 'listMachines',
  body: () => ({}),
  lines: ({ machines }, _input, cells) =>
    machines.length === 0
      ? ['no machines']
      : tableLines(
          ['MACHINE', 'NAME', 'HOST', 'STATE', 'LAST SEEN', 'PROJECTS', 'FINGERPRINT'],
          machines.map((machine) => [
            machine.machineId,
            machine.name,
            machine.hostname,
            machine.state,
            instantWords(machine.lastSeenAt),
            String(machine.projects.length),
            machine.fingerprint,
          ]),
          cells,
        ),
  hints: ({ machines }) =>
    machines
      .filter(({ state }) => state === 'pending')
      .map((machine) => [
        'to approve',
        `sikkerkey admin machine approve ${machine.machineId} --fingerprint ${safeText(machine.fingerprint)}`,
      ]),
});

export const approve = operatorCommand({
  route: 'approveMachine',
  positionals: machineId,
  options: {
    fingerprint: { type: 'text', placeholder: 'text', help: 'refuse unless the machine has this fingerprint (as shown on the machine)' },
  },
  body: (input) => {
    const fingerprint = input.optionalText('fingerprint');
    return { machineId: input.identifier('machine'), ...(fingerprint === undefined ? {} : { fingerprint }) };
  },
  lines: (machine) => [`${machine.machineId} ${machine.state}`],
});

export const deny = operatorCommand({
  route: 'denyMachine',
  positionals: machineId,
  body: (input) => ({ machineId: input.identifier('machine') }),
  lines: (machine) => [`${machine.machineId} ${machine.state}`],
});

export const disable = operatorCommand({
  route: 'disableMachine',
  positionals: machineId,
  body: (input) => ({ machineId: input.identifier('machine') }),
  lines: (machine) => [`${machine.machineId} ${machine.state}`],
});

export const enable = operatorCommand({
  route: 'enableMachine',
  positionals: machineId,
  body: (input) => ({ machineId: input.identifier('machine') }),
  lines: (machine) => [`${machine.machineId} ${machine.state}`],
});

export const attach = operatorCommand({
  route: 'attachMachine',
  positionals: machineId,
  options: projectOption,
  body: (input) => ({ machineId: input.identifier('machine'), projectId: input.identifier('project') }),
  lines: (_answer, input) => [`${input.text('machine')} sees ${input.text('project')}`],
});

export const detach = operatorCommand({
  route: 'detachMachine',
  positionals: machineId,
  options: projectOption,
  body: (input) => ({ machineId: input.identifier('machine'), projectId: input.identifier('project') }),
  lines: (_answer, input) => [`${input.text('machine')} no longer sees ${input.text('project')}`],
});
