/**
 * Where a secret's database is and as whom to administer it: this host's own configuration first, a published client's
 * file next (read only), what the vault keeps last. A local configuration overrides the connection only.
 */
import { readFile } from 'node:fs/promises';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import type { Home } from '@sikkerkey/host/home.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { AgentConfiguration } from '@sikkerkey/protocol/vault/machine.ts';
import * as z from 'zod';
import type { Sealer } from '../journal/sealing.ts';
import type { AgentRegistry, LocalConnection } from './registry.ts';

export interface LocalTarget {
  readonly connection: LocalConnection;
  readonly adminPassword: SecretText;
}

export interface DatabaseTarget {
  readonly secretId: string;
  readonly provider: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly adminUser: string;
  readonly adminPassword: SecretText;
  readonly tls: LocalConnection['tls'];
  readonly ca: string | null;
  readonly probeQuery: string | null;
  readonly owner: string;
  readonly strategy: AgentConfiguration['strategy'];
  /** What a person has accepted of what pg_hba.conf of this server says of the login slots; `all`: is about to. */
  readonly acceptedHba?: 'all' | readonly string[];
}

/** What a person's word on a server holds for: at another address it is another server, with other lines. */
export function addressOf({ host, port, database }: Pick<DatabaseTarget, 'host' | 'port' | 'database'>): string {
  return JSON.stringify([host, port, database]);
}

/** `agents/{secretId}.json` of the published clients (wire-runtime §3.4). */
const publishedFile = z.object({
  secretId: z.string(),
  providerType: z.string(),
  connection: z.object({
    host: z.string(),
    port: z.int(),
    database: z.string().optional(),
    adminUser: z.string(),
    adminPass: z.string(),
    usernameField: z.string().optional(),
    passwordField: z.string().optional(),
  }),
  pollIntervalSeconds: z.int().optional(),
});

/** The published file's connection; null when there is none or it cannot be parsed, as the published clients treat it. */
export async function readPublishedFile(home: Home, secretId: string): Promise<LocalTarget | null> {
  const text = await readFile(home.agentFile(secretId), 'utf8').catch(() => null);
  const parsed = publishedFile.safeParse(text === null ? null : jsonOf(text));
  if (!parsed.success) return null;
  const { providerType, connection, pollIntervalSeconds } = parsed.data;
  return {
    connection: {
      provider: providerType,
      host: connection.host,
      port: connection.port,
      database: connection.database ?? 'postgres',
      adminUser: connection.adminUser,
      // The file knows no TLS; going on in the clear must be said explicitly (`agent configure --tls disable`).
      tls: 'verify-full',
      ca: null,
      usernameField: connection.usernameField ?? null,
      passwordField: connection.passwordField ?? null,
      pollIntervalSeconds: pollIntervalSeconds ?? null,
      probeQuery: null,
    },
    adminPassword: new SecretText(connection.adminPass),
  };
}

export async function readLocalTarget(registry: AgentRegistry, sealer: Sealer, home: Home, secretId: string): Promise<LocalTarget | null> {
  const connection = registry.find(secretId)?.connection ?? null;
  if (connection === null) return readPublishedFile(home, secretId);
  const adminPassword = registry.adminPassword(secretId, sealer);
  if (adminPassword === null) throw new CatalogueError('agent-not-configured', { secretId });
  return { connection, adminPassword };
}

/** Throws CatalogueError `agent-not-configured` or `provider-unsupported`. */
export function targetOf(local: LocalTarget | null, configuration: AgentConfiguration): DatabaseTarget {
  const { secretId, owner, strategy, provider } = configuration;
  if (provider !== 'postgresql') throw new CatalogueError('provider-unsupported', { provider });
  if (local !== null) {
    const { host, port, database, adminUser, tls, ca, probeQuery } = local.connection;
    return {
      secretId,
      provider,
      owner,
      strategy,
      host,
      port,
      database,
      adminUser,
      tls,
      ca,
      probeQuery,
      adminPassword: local.adminPassword,
    };
  }
  const { host, port, database, adminUser, adminPassword, tls } = configuration;
  if (host === null || port === null || database === null || adminUser === null || adminPassword === null) {
    throw new CatalogueError('agent-not-configured', { secretId });
  }
  const kept = { host, port, database, adminUser, tls: tls ?? 'verify-full', ca: null, probeQuery: null } as const;
  return { secretId, provider, owner, strategy, ...kept, adminPassword: new SecretText(adminPassword) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
