/** `agent configure`: a database connection kept on this machine; it takes precedence over the vault's. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { findingLines, tlsWords } from '@sikkerkey/ui-shared/wording/plan.ts';
import type { Command } from '../../command.ts';
import type { OptionTable } from '../../command-form.ts';
import type { Context } from '../../context.ts';
import type { Input } from '../../input.ts';
import { readSecret, secretOptions } from '../../secret-input.ts';
import { secretOption, secretPositional } from '../../secret-option.ts';
import { acceptHbaOption } from './plan-first.ts';

const defaultPorts: Readonly<Record<string, number>> = { postgresql: 5432, mysql: 3306, mongodb: 27_017, redis: 6379 };
/** Where the database is, without which nothing is configured. */
const place = ['provider', 'host', 'admin-user'] as const;
const tlsModes = ['verify-full', 'verify-ca', 'require', 'disable'] as const;

/** What the connection is; none of it is passed over. */
const connection: OptionTable = {
  provider: { type: 'text', placeholder: 'type', help: 'database type', choices: Object.keys(defaultPorts) },
  host: { type: 'text', placeholder: 'host', help: 'database host' },
  port: { type: 'number', placeholder: 'port', help: "database port (default: the provider's)", min: 1, max: 65_535 },
  database: { type: 'text', placeholder: 'name', help: 'database name (default: postgres)' },
  'admin-user': { type: 'text', placeholder: 'user', help: 'user with CREATEROLE or SUPERUSER' },
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
  vault: { type: 'text', placeholder: 'id', help: 'the vault of the secret, where there is more than one' },
};

export const configure: Command = {
  positionals: secretPositional,
  options: { ...secretOption, ...connection, ...acceptHbaOption },
  details: [
    'The admin password is asked for on the terminal when none of its options is given.',
    '--provider, --host and --admin-user are needed, but for --accept-hba alone, which leaves the connection as it is.',
  ],
  run: async (input, context) => {
    const secretId = input.identifier('secret');
    const accepts = input.flag('accept-hba');
    const isConnectionGiven = Object.keys(connection).some((name) => input.optionalText(name) !== undefined || input.flag(name));
    if (accepts && !isConnectionGiven) return acceptHba(context, secretId);
    const provider = needed(input, 'provider');
    const [host, adminUser] = [needed(input, 'host'), needed(input, 'admin-user')];
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
      host,
      port: input.optionalNumber('port') ?? defaultPorts[provider] ?? 5432,
      database: input.optionalText('database') ?? 'postgres',
      adminUser,
      adminPassword,
      tls,
      ...withoutUndefined(optional),
    });
    if (context.json) context.printJson(agent);
    else {
      context.terminal.print(`configured ${secretId}`);
      if (tls !== 'verify-full') context.hint(`warning: tls ${tlsWords(tls)}`);
      context.hint('next', `sikkerkey agent test --secret ${secretId}`);
    }
    // After it was said that the connection is kept: the database may be away.
    if (accepts) await acceptHba(context, secretId, context.json);
    return 0;
  },
};

function needed(input: Input, name: (typeof place)[number]): string {
  return input.optionalText(name) ?? input.fail(`--${name} is missing`);
}

/** Accepts what the lines say now, and shows it; the answer is `agent test`'s in form. */
async function acceptHba(context: Context, secretId: string, isQuiet = false): Promise<number> {
  const client = await context.connect();
  const { findings } = await client.call('agent.acceptHba', { secretId }, { deadlineMs: 60_000 });
  if (isQuiet) return 0;
  if (context.json) context.printJson({ secretId, findings });
  else {
    const { terminal } = context;
    terminal.print(
      findings.length === 0 ? 'nothing in pg_hba.conf is in the way' : `accepted for ${secretId}, as long as the lines say this:`,
    );
    for (const finding of findings) for (const line of findingLines(finding, terminal.columns)) terminal.print(line);
  }
  return 0;
}

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
