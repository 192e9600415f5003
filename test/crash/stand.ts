/**
 * The whole product on one machine for a test: real PostgreSQL, real vault process, real daemon process that can be
 * killed and started again, and one managed login with a table of its own.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@sikkerkey/local-servers/free-port.ts';
import { type LocalPostgresql, startPostgresql } from '@sikkerkey/local-servers/postgresql/start.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import type { OperatorAnswer, OperatorBody, OperatorRoute } from '@sikkerkey/protocol/vault/operator.ts';
import pg from 'pg';
import type { LocalClient } from '../daemon/local-client.ts';
import { eventually, type RunningDaemon, type RunningVault, startDaemon, startVault, withClient } from '../daemon/programs.ts';
import { startVaultProxy, type VaultProxy } from '../support/vault-proxy.ts';

export interface StandOptions {
  /** What the daemon is told to reach the database at; PostgreSQL itself by default. */
  readonly databasePort?: (postgresqlPort: number) => Promise<number>;
  /** The daemon reaches the vault through a proxy (`vaultProxy`) that can lose what is said. */
  readonly behindVaultProxy?: boolean;
  readonly drainDeadlineMs?: number;
}

export interface Managed {
  readonly secretId: string;
  readonly owner: string;
  readonly firstPassword: string;
}

/** Characters of a log that an error brings. */
const toldOfLog = 4_000;

export class Stand {
  readonly directory: string;
  readonly postgresql: LocalPostgresql;
  readonly vault: RunningVault;
  readonly home: string;
  readonly databasePort: number;
  readonly #drainDeadlineMs: number;
  readonly #vaultProxy: VaultProxy | null;
  #daemon: RunningDaemon;
  #owners = 0;

  private constructor(parts: {
    directory: string;
    postgresql: LocalPostgresql;
    vault: RunningVault;
    home: string;
    daemon: RunningDaemon;
    databasePort: number;
    drainDeadlineMs: number;
    vaultProxy: VaultProxy | null;
  }) {
    this.directory = parts.directory;
    this.postgresql = parts.postgresql;
    this.vault = parts.vault;
    this.home = parts.home;
    this.databasePort = parts.databasePort;
    this.#daemon = parts.daemon;
    this.#drainDeadlineMs = parts.drainDeadlineMs;
    this.#vaultProxy = parts.vaultProxy;
  }

  static async open(options: StandOptions = {}): Promise<Stand> {
    const directory = await mkdtemp(join(tmpdir(), 'sk-'));
    const home = join(directory, 'h');
    const [postgresql, vault] = await Promise.all([startPostgresql(), freePort().then((port) => startVault({ directory, port }))]);
    await mkdir(home, { mode: 0o700 });
    const daemon = await startDaemon(home);
    const databasePort = (await options.databasePort?.(postgresql.port)) ?? postgresql.port;
    const vaultProxy = options.behindVaultProxy === true ? await startVaultProxy(vault.apiUrl) : null;
    const stand = new Stand({
      directory,
      postgresql,
      vault,
      home,
      daemon,
      databasePort,
      drainDeadlineMs: options.drainDeadlineMs ?? 5_000,
      vaultProxy,
    });
    await stand.#enroll(vaultProxy?.url ?? vault.apiUrl);
    return stand;
  }

  /** Throws where the stand was not opened behind one. */
  get vaultProxy(): VaultProxy {
    if (this.#vaultProxy === null) throw new Error('this stand has no proxy before its vault');
    return this.#vaultProxy;
  }

  get daemon(): RunningDaemon {
    return this.#daemon;
  }

  /** Starts the daemon again after it was killed; optionally with a place where it kills itself. */
  async restartDaemon(failpoint?: string): Promise<RunningDaemon> {
    await this.#daemon.stop();
    this.#daemon = await startDaemon(this.home, failpoint === undefined ? {} : { SIKKERKEY_TEST_FAILPOINT: failpoint });
    return this.#daemon;
  }

  client<T>(work: (client: LocalClient) => Promise<T>): Promise<T> {
    return withClient(this.#daemon.socket, work);
  }

  async operator<R extends OperatorRoute>(route: R, body: OperatorBody<R>): Promise<OperatorAnswer<R>> {
    const { answer } = await this.client((client) => client.call('operator.call', { route, body }));
    return answer as OperatorAnswer<R>;
  }

  async sql<Row extends Record<string, unknown>>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const { host, port, superuser, password, database } = this.postgresql;
    const client = new pg.Client({ host, port, user: superuser, password: password.reveal(), database });
    await client.connect();
    try {
      return (await client.query<Row>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  /** A login that is adopted, its first password retired: nobody here uses it, so its drain is the shortest there is. */
  async adopted(): Promise<Managed> {
    const managed = await this.manage(1_000);
    const { secretId } = managed;
    const { rotationId } = await this.client((client) => client.call('agent.adopt', { secretId }));
    await this.retired(secretId, rotationId);
    await this.operator('setSchedule', { secretId, intervalMs: null, drainDeadlineMs: this.#drainDeadlineMs });
    return managed;
  }

  /** A login of its own, written down in the vault, granted to this machine, configured at the daemon. Not adopted yet. */
  async manage(drainDeadlineMs = this.#drainDeadlineMs): Promise<Managed> {
    this.#owners += 1;
    const owner = `app_${this.#owners}`;
    const firstPassword = `first-password-of-${owner}-0123456789`;
    await this.sql(`CREATE ROLE ${owner} LOGIN PASSWORD '${firstPassword}'`);
    await this.sql(`CREATE SCHEMA ${owner} AUTHORIZATION ${owner}`);
    return this.manageAgain({ owner, firstPassword }, drainDeadlineMs);
  }

  /** Another secret for a login that is there. */
  async manageAgain(
    { owner, firstPassword }: Pick<Managed, 'owner' | 'firstPassword'>,
    drainDeadlineMs = this.#drainDeadlineMs,
  ): Promise<Managed> {
    const { projectId } = await this.operator('createProject', { name: `${owner}-${randomUUID()}` });
    const [vault] = (await this.client((client) => client.call('identity.list', {}))).vaults;
    if (vault === undefined) throw new Error('not enrolled');
    const { machineId } = vault;
    await this.operator('attachMachine', { projectId, machineId });
    const { secretId } = await this.operator('createManagedSecret', {
      projectId,
      name: owner,
      provider: 'postgresql',
      username: owner,
      password: firstPassword,
      host: this.postgresql.host,
      port: this.postgresql.port,
      database: this.postgresql.database,
      drainDeadlineMs,
    });
    await this.operator('grant', { secretId, machineId, permission: 'read' });
    await this.operator('grant', { secretId, machineId, permission: 'rotate' });
    await this.client((client) =>
      client.call('agent.configure', {
        secretId,
        provider: 'postgresql',
        host: this.postgresql.host,
        port: this.databasePort,
        database: this.postgresql.database,
        adminUser: this.postgresql.superuser,
        adminPassword: this.postgresql.password.reveal(),
        tls: 'disable',
      }),
    );
    return { secretId, owner, firstPassword };
  }

  agent(secretId: string): Promise<AgentFact> {
    return this.client((client) => client.call('agent.show', { secretId }));
  }

  /** Waits until the rotation is over at the vault. */
  retired(secretId: string, rotationId: string, withinMs?: number): Promise<void> {
    return this.reached(secretId, rotationId, 'retired', withinMs);
  }

  /** The rotation is in that state. Where it does not get there, the error says what the programs did meanwhile. */
  async reached(secretId: string, rotationId: string, state: string, withinMs = 30_000): Promise<void> {
    let last: unknown;
    const isThere = async (): Promise<boolean> => {
      const { rotations } = await this.operator('listRotations', { secretId });
      last = rotations.find((rotation) => rotation.rotationId === rotationId);
      return (last as { readonly state: string } | undefined)?.state === state;
    };
    await eventually(`rotation ${rotationId} ${state}`, isThere, withinMs).catch(async (error: unknown) => {
      const fact = await this.agent(secretId).catch(String);
      const told = [JSON.stringify(last), JSON.stringify(fact), this.#daemon.output().slice(-toldOfLog)];
      throw new Error([String(error), ...told].join('\n'), { cause: error });
    });
  }

  async close(): Promise<void> {
    await this.#daemon.stop('SIGKILL');
    await this.vault.stop();
    await this.#vaultProxy?.stop();
    await this.postgresql.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #enroll(vaultUrl: string): Promise<void> {
    const { operatorId, operatorKey, apiUrl } = this.vault;
    await this.client((client) => client.call('operator.add', { apiUrl, operatorId, key: operatorKey }));
    const { token } = await this.operator('createBootstrapToken', {});
    const { machineId } = await this.client((client) => client.call('identity.enroll', { apiUrl: vaultUrl, token, name: 'stand' }));
    await this.operator('approveMachine', { machineId });
    await eventually('the machine is approved', async () => {
      const [vault] = (await this.client((client) => client.call('identity.list', {}))).vaults;
      return vault?.machineState === 'approved' && vault.pushConnected;
    });
  }
}
