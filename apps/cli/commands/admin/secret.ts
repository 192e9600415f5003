/** `admin secret …`: ordinary secrets, and what all secrets share. No answer carries a value. */
import { hasRepeatedName } from '@sikkerkey/protocol/repeated-names.ts';
import type { OperatorAnswer, OperatorBody } from '@sikkerkey/protocol/vault/operator.ts';
import { instantWords, spanWords } from '@sikkerkey/ui-shared/state/age.ts';
import { conditionOfState } from '@sikkerkey/ui-shared/state/agent-condition.ts';
import type { OptionTable } from '../../command-form.ts';
import type { Context } from '../../context.ts';
import type { Input } from '../../input.ts';
import { operatorCommand } from '../../operator-call.ts';
import { hasSecretInput, readSecret, secretOptions } from '../../secret-input.ts';
import { secretId } from '../../secret-option.ts';
import { factLines, tableLines } from '../../table.ts';

type Secret = OperatorAnswer<'showSecret'>;
const charsets = ['symbols', 'alphanumeric', 'numbers', 'uuid'] as const;

const valueOptions: OptionTable = {
  ...secretOptions('value', 'value'),
  ...secretOptions('fields', 'fields (a JSON object of strings)'),
  generate: { type: 'flag', help: 'let the vault make the value' },
  length: { type: 'number', placeholder: 'n', help: 'length of a generated value (default 32)', min: 1, max: 1024 },
  charset: { type: 'text', placeholder: 'name', help: `charset of a generated value: ${charsets.join(', ')}`, choices: charsets },
};

export const create = operatorCommand({
  route: 'createSecret',
  positionals: [{ name: 'name', help: 'name of the secret', required: true }],
  options: { project: { type: 'text', placeholder: 'id', help: 'the project', required: true }, ...valueOptions },
  details: ['The value is asked for on the terminal when neither --generate nor an option of --value or --fields is given.'],
  body: async (input, context) => ({
    projectId: input.identifier('project'),
    name: input.text('name'),
    ...(await valueBody(input, context)),
  }),
  lines: (secret) => [secret.secretId],
});

export const update = operatorCommand({
  route: 'updateSecret',
  positionals: secretId,
  options: valueOptions,
  body: async (input, context) => ({ secretId: input.identifier('secret'), ...(await valueBody(input, context)) }),
  lines: (secret) => [`${secret.secretId} v${secret.version}`],
});

export const list = operatorCommand({
  route: 'listSecrets',
  options: { project: { type: 'text', placeholder: 'id', help: 'only this project' } },
  body: (input) => {
    const projectId = input.optionalIdentifier('project');
    return projectId === undefined ? {} : { projectId };
  },
  lines: ({ secrets }, _input, cells) =>
    secrets.length === 0
      ? ['no secrets']
      : tableLines(
          ['SECRET', 'NAME', 'KIND', 'VER', 'ROTATES', 'NEXT', 'PROJECT'],
          secrets.map((secret) => [
            secret.secretId,
            secret.name,
            secret.managed === null ? secret.kind : `managed ${secret.managed.provider}`,
            `v${secret.version}`,
            rotationWords(secret),
            instantWords(secret.managed?.nextRotationAt ?? null),
            secret.projectId,
          ]),
          cells,
        ),
});

export const show = operatorCommand({
  route: 'showSecret',
  positionals: secretId,
  body: (input) => ({ secretId: input.identifier('secret') }),
  lines: (secret, _input, cells) => secretLines(secret, cells),
});

export const rollback = operatorCommand({
  route: 'rollbackSecret',
  positionals: secretId,
  options: { version: { type: 'number', placeholder: 'n', help: 'the version whose value is taken', required: true, min: 1 } },
  details: ['Makes a new version. A managed secret is not rolled back but rotated.'],
  body: (input) => ({
    secretId: input.identifier('secret'),
    version: input.optionalNumber('version') ?? input.fail('--version <n> is missing'),
  }),
  lines: (secret) => [`${secret.secretId} v${secret.version}`],
});

export const remove = operatorCommand({
  route: 'deleteSecret',
  positionals: secretId,
  options: { yes: { type: 'flag', short: 'y', help: 'do not ask' } },
  body: async (input, context) => {
    const id = input.identifier('secret');
    if (!input.flag('yes')) {
      if (!context.terminal.isInteractive) input.fail('deleting wants --yes where nobody can be asked');
      const typed = await context.terminal.ask(`Type the id to delete ${id}: `, false);
      if (typed.trim() !== id) input.fail('the id was not typed; nothing was deleted');
    }
    return { secretId: id };
  },
  lines: (_answer, input) => [`deleted ${input.text('secret')}`],
});

export const versions = operatorCommand({
  route: 'listVersions',
  positionals: secretId,
  body: (input) => ({ secretId: input.identifier('secret') }),
  lines: (answer, _input, cells) =>
    tableLines(
      ['VERSION', 'LABEL', 'LOGIN', 'CREATED', 'BY'],
      answer.versions.map((version) => [
        `v${version.version}`,
        version.label,
        version.slot ?? '-',
        instantWords(version.createdAt),
        version.createdBy,
      ]),
      cells,
    ),
});

export const schedule = operatorCommand({
  route: 'setSchedule',
  positionals: secretId,
  options: {
    every: { type: 'duration', placeholder: 'span', help: 'how often it rotates: 90s, 12h, 30d, or off', required: true },
    drain: { type: 'duration', placeholder: 'span', help: 'how long the old password waits for its readers' },
  },
  body: (input) => {
    const drainDeadlineMs = input.optionalDuration('drain') ?? undefined;
    return {
      secretId: input.identifier('secret'),
      intervalMs: input.optionalDuration('every') ?? null,
      ...(drainDeadlineMs === undefined ? {} : { drainDeadlineMs }),
    };
  },
  lines: (secret) => [`${secret.secretId} rotates ${rotationWords(secret)}`],
});

type ValueBody = Pick<OperatorBody<'updateSecret'>, 'value' | 'fields' | 'length' | 'charset'>;

async function valueBody(input: Input, context: Context): Promise<ValueBody> {
  const length = input.optionalNumber('length');
  const charset = charsets.find((known) => known === input.optionalText('charset'));
  const isGenerated = input.flag('generate') || length !== undefined || charset !== undefined;
  const ways = [isGenerated, hasSecretInput(input, 'value'), hasSecretInput(input, 'fields')].filter(Boolean).length;
  if (ways > 1) input.fail('a value is generated, given, or made of fields: one of them');
  if (isGenerated) return { ...(length === undefined ? {} : { length }), ...(charset === undefined ? {} : { charset }) };
  if (hasSecretInput(input, 'fields')) return { fields: fieldsOf(input, await readSecret(input, context, 'fields', 'fields', true)) };
  return { value: await readSecret(input, context, 'value', 'value') };
}

function fieldsOf(input: Input, text: string): Record<string, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which is secret.
    return input.fail('the fields are not JSON');
  }
  const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
  const pairs = isObject ? Object.entries(parsed as object) : [];
  if (isObject && hasRepeatedName(text, parsed)) input.fail('the fields have a name twice');
  const strings = pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  if (pairs.length === 0 || strings.length !== pairs.length) input.fail('the fields are one JSON object whose values are all strings');
  return Object.fromEntries(strings);
}

function rotationWords({ managed }: Secret): string {
  if (managed === null) return '-';
  return managed.intervalMs === null ? 'on request' : `every ${spanWords(managed.intervalMs)}`;
}

function secretLines(secret: Secret, cells: number | null): readonly string[] {
  const { managed } = secret;
  return factLines(
    [
      ['secret', `${secret.secretId} · ${secret.name}`],
      ['project', secret.projectId],
      ['kind', secret.kind],
      ['version', `v${secret.version} · ${instantWords(secret.updatedAt)}`],
      ...(secret.fieldNames === null ? [] : [['fields', secret.fieldNames.join(', ')] as const]),
      ...(managed === null
        ? []
        : ([
            ['provider', managed.provider],
            ['login', `${managed.owner}${managed.adopted ? ' · adopted' : ' · not adopted yet'}`],
            ['strategy', managed.strategy],
            ['rotates', `${rotationWords(secret)} · next ${instantWords(managed.nextRotationAt)}`],
            ['drain', `at most ${spanWords(managed.drainDeadlineMs)}`],
            ['phase', managed.rotationId === null ? managed.phase : `${managed.phase} (${managed.rotationId})`],
            [
              'agent',
              managed.agentState === null
                ? 'none seen'
                : `${conditionOfState(managed.agentState)} · seen ${instantWords(managed.agentSeenAt)}`,
            ],
            ...(managed.errorCode === null ? [] : [['error', managed.errorCode] as const]),
          ] as const)),
    ],
    cells,
  );
}
