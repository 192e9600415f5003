/** `admin secret create-managed`: a database login as it is today. Nothing is changed until it is adopted. */
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import type { Input } from '../../input.ts';
import { operatorCommand } from '../../operator-call.ts';
import { hasSecretInput, readSecret, secretOptions } from '../../secret-input.ts';

const tlsModes = ['verify-full', 'verify-ca', 'require', 'disable'] as const;

export const createManaged = operatorCommand({
  route: 'createManagedSecret',
  positionals: [{ name: 'name', help: 'name of the secret', required: true }],
  options: {
    project: { type: 'text', placeholder: 'id', help: 'the project', required: true },
    provider: { type: 'text', placeholder: 'type', help: 'database type (default: postgresql)', choices: ['postgresql'] },
    host: { type: 'text', placeholder: 'host', help: 'database host', required: true },
    port: { type: 'number', placeholder: 'port', help: 'database port (default: 5432)', min: 1, max: 65_535 },
    database: { type: 'text', placeholder: 'name', help: 'database name', required: true },
    username: { type: 'text', placeholder: 'user', help: 'the login that applications use', required: true },
    ...secretOptions('password', 'current password of the login'),
    'admin-user': {
      type: 'text',
      placeholder: 'user',
      help: 'give machines that rotate this administrator (else configure it on the machine)',
    },
    ...secretOptions('admin-pass', 'admin password', true),
    tls: { type: 'text', placeholder: 'mode', help: 'verify-full (default), verify-ca, require, disable', choices: tlsModes },
    every: { type: 'duration', placeholder: 'span', help: 'how often it rotates: 12h, 30d, or off (default: off)' },
    drain: { type: 'duration', placeholder: 'span', help: 'how long the old password waits for its readers (default: 24h)' },
    'backup-horizon': { type: 'duration', placeholder: 'span', help: 'how old a backup may be that is restored' },
    length: { type: 'number', placeholder: 'n', help: 'length of generated passwords (default 32, at least 20)', min: 20, max: 1024 },
  },
  details: ['Nothing changes in the database until `sikkerkey agent adopt`.'],
  body: async (input, context) => {
    const adminUser = input.optionalText('admin-user');
    if (adminUser === undefined && hasSecretInput(input, 'admin-pass')) input.fail('--admin-user is missing beside the admin password');
    if (input.flag('password-stdin') && input.flag('admin-pass-stdin')) input.fail('standard input can carry one secret only');
    const password = await readSecret(input, context, 'password', `current password of ${input.text('username')}`);
    const admin =
      adminUser === undefined
        ? undefined
        : { user: adminUser, password: await readSecret(input, context, 'admin-pass', `password of ${adminUser}`) };
    const tls = tlsModes.find((known) => known === input.optionalText('tls'));
    const intervalMs = input.optionalDuration('every');
    const drainDeadlineMs = input.optionalDuration('drain') ?? undefined;
    const backupHorizonMs = input.optionalDuration('backup-horizon') ?? undefined;
    const length = input.optionalNumber('length');
    return {
      projectId: input.identifier('project'),
      name: input.text('name'),
      provider: 'postgresql' as const,
      username: input.text('username'),
      password,
      host: input.text('host'),
      port: input.optionalNumber('port') ?? 5432,
      database: input.text('database'),
      ...(admin === undefined ? {} : { admin }),
      ...(tls === undefined ? {} : { tls }),
      ...(intervalMs === undefined ? {} : { intervalMs }),
      ...(drainDeadlineMs === undefined ? {} : { drainDeadlineMs }),
      ...(backupHorizonMs === undefined ? {} : { backupHorizonMs }),
      ...(length === undefined ? {} : { length }),
    };
  },
  lines: (secret) => [secret.secretId],
  hints: ({ secretId }, input) => [
    ['next', `sikkerkey admin grant add ${secretId} --machine <id> --permission rotate`],
    ...(input.optionalText('admin-user') === undefined
      ? ([
          ['then, on that machine', configureLine(secretId, input)],
          ['and after that', `sikkerkey agent adopt --secret ${secretId}`],
        ] as const)
      : ([['then, on that machine', `sikkerkey agent adopt --secret ${secretId}`]] as const)),
  ],
});

/** The machine keeps the connection itself where the vault was given no administrator; its place is the one just named. */
function configureLine(secretId: string, input: Input): string {
  const place = ['host', 'port', 'database', 'tls'].flatMap((name) => {
    const value = name === 'port' ? input.optionalNumber(name) : input.optionalText(name);
    return value === undefined ? [] : [`--${name} ${safeText(String(value))}`];
  });
  return ['sikkerkey agent configure', `--secret ${secretId}`, '--provider postgresql', ...place, '--admin-user <user>'].join(' ');
}
