/** `agent configure`: a database connection kept on this machine; it takes precedence over the vault's. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { tlsWords } from '@sikkerkey/ui-shared/wording/plan.ts';
import type { Command } from '../../command.ts';
import type { Input } from '../../input.ts';
import { readSecret, secretOptions } from '../../secret-input.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';
import { acceptHbaOption } from './plan-first.ts';

const defaultPorts: Readonly<Record<string, number>> = { postgresql: 5432, mysql: 3306, mongodb: 27_017, redis: 6379 };
const tlsModes = ['verify-full', 'verify-ca', 'require', 'disable'] as const;

export const configure: Command = {
  positionals: secretPositional,
  options: {
    ...secretOption,
    provider: { type: 'text', placeholder: 'type', help: 'database type', choices: Object.keys(defaultPorts), required: true },
    host: { type: 'text', placeholder: 'host', help: 'database host', required: true },
    port: { type: 'number', placeholder: 'port', help: "database port (default: the provider's)", min: 1, max: 65_535 },
    database: { type: 'text', placeholder: 'name', help: 'database name (default: postgres)' },
    'admin-user': { type: 'text', placeholder: 'user', help: 'user with CREATEROLE or SUPERUSER', required: true },
    ...secretOptions('admin-pass', 'admin password', true),
    tls: { type: 'text', placeholder: 'mode', help: 'verify-full (default), verify-ca, require, disable', choices: tlsModes },
    'ca-file': { type: 'text', placeholder: 'path', help: 'certificates to trust' },
    'username-field': { type: 'text', placeholder: 'field', help: 'always username: no other name is supported' },
    'password-field': { type: 'text', placeholder: 'field', help: 'always password: no other name is supported' },
    'poll-interval': {
      type: 'number',
      placeholder: 's',
      help: 'seconds between checks without a stream of changes (default: 10)',
      min: 5,
      max: 3600,
    },
    'probe-query': { type: 'text', placeholder: 'sql', help: 'query that the application needs; run after each change' },
    ...acceptHbaOption,
    vault: { type: 'text', placeholder: 'id', help: 'the vault of the secret, where there is more than one' },
  },
  details: ['The admin password is asked for on the terminal when none of its options is given.'],
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const provider = input.text('provider');
    const tls = tlsModes.find((mode) => mode === (input.optionalText('tls') ?? 'verify-full')) ?? 'verify-full';
    const optional = {
      caFile: input.optionalText('ca-file'),
      usernameField: fieldName(input, 'username'),
      passwordField: fieldName(input, 'password'),
      pollIntervalSeconds: input.optionalNumber('poll-interval'),
      probeQuery: input.optionalText('probe-query'),
      vaultId: input.optionalIdentifier('vault') ?? context.environment.vault,
    };
    const adminPassword = await readSecret(input, context, 'admin-pass', 'admin password');
    const client = await context.connect();
    const agent = await client.call('agent.configure', {
      secretId,
      provider,
      host: input.text('host'),
      port: input.optionalNumber('port') ?? defaultPorts[provider] ?? 5432,
      database: input.optionalText('database') ?? 'postgres',
      adminUser: input.text('admin-user'),
      adminPassword,
      tls,
      ...(input.flag('accept-hba') ? { acceptHba: true } : {}),
      ...withoutUndefined(optional),
    });
    if (context.json) context.printJson(agent);
    else {
      context.terminal.print(`configured ${secretId}`);
      if (tls !== 'verify-full') context.hint(`warning: tls ${tlsWords(tls)}`);
      context.hint('next', `sikkerkey agent test --secret ${secretId}`);
    }
    return 0;
  },
};

/** The vault writes a managed secret's fields itself, under these names. Throws `field-name-unsupported`. */
function fieldName<Name extends string>(input: Input, only: Name): Name | undefined {
  const wanted = input.optionalText(`${only}-field`);
  if (wanted === undefined) return undefined;
  if (wanted === only) return only;
  throw new CatalogueError('field-name-unsupported', { option: `--${only}-field`, only });
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function withoutUndefined<T extends object>(record: T): Defined<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Defined<T>;
}
