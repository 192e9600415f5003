import { type LocalPostgresql, startPostgresql } from '@sikkerkey/local-servers/postgresql/start.ts';
import { createRotatingPool, type RotatingPool, type RotatingPoolOptions, SikkerKey } from '@sikkerkey/sdk/index.ts';
import { Client, Pool } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { soon } from '../support/soon.ts';
import { VaultDouble } from './vault-double.ts';

let server: LocalPostgresql;
let admin: Client;
let vault: VaultDouble;
let sikkerkey: SikkerKey;
let pools: RotatingPool[] = [];

const logins = ['app_a', 'app_b'] as const;
type Login = (typeof logins)[number];

beforeAll(async () => {
  server = await startPostgresql();
  const { host, port, database, password } = server;
  admin = new Client({ host, port, database, user: 'postgres', password: password.reveal() });
  await admin.connect();
  await admin.query('CREATE ROLE app NOLOGIN; CREATE TABLE note (text text); ALTER TABLE note OWNER TO app');
  for (const login of logins) await admin.query(`CREATE ROLE ${login} NOLOGIN IN ROLE app; ALTER ROLE ${login} SET role TO app`);
}, 60_000);

afterAll(async () => {
  await admin.end();
  await server.stop();
});

beforeEach(async () => {
  vault = await VaultDouble.start();
  sikkerkey = new SikkerKey(vault.identityPath);
  pools = [];
  await admin.query('ALTER ROLE app_a LOGIN PASSWORD NULL; ALTER ROLE app_b NOLOGIN PASSWORD NULL');
  await enable('app_a', 'first-password');
});

afterEach(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await sikkerkey.close();
  await vault.stop();
});

async function enable(login: Login, password: string): Promise<void> {
  await admin.query(`ALTER ROLE ${login} LOGIN PASSWORD '${password}'`);
  vault.promote('sk_db', loginValue(login, password));
}

function loginValue(username: string, password: string): string {
  return JSON.stringify({ username, password, host: server.host, port: server.port, database: server.database });
}

function makePool(options: Partial<RotatingPoolOptions> = {}): RotatingPool {
  const pool = createRotatingPool(sikkerkey, 'sk_db', { Pool, max: 4, ...options });
  pools.push(pool);
  return pool;
}

const acknowledged = (version: number): Promise<void> =>
  soon(() => expect(vault.acknowledgements.map((hold) => hold.version)).toContain(version));

async function sessionUser(pool: RotatingPool): Promise<unknown> {
  return (await pool.query<{ login: string }>('SELECT session_user AS login')).rows[0]?.login;
}

test('follows a new user name and password, and the old login may go as soon as the new one is acknowledged', async () => {
  const pool = makePool();
  const before = await sessionUser(pool);
  await soon(() => expect(vault.openStreams).toBe(1));

  await enable('app_b', 'second-password');
  await acknowledged(2);
  await admin.query('ALTER ROLE app_a NOLOGIN PASSWORD NULL');
  const after = await sessionUser(pool);

  expect(before).toBe('app_a');
  expect(after).toBe('app_b');
  expect(pool.version).toBe(2);
});

test('drops no query and no transaction while the login changes six times under load', async () => {
  const pool = makePool();
  await sessionUser(pool);
  await soon(() => expect(vault.openStreams).toBe(1));
  const state = { running: true, queries: 0, transactions: 0 };
  const querying = async (): Promise<void> => {
    for (; state.running; state.queries += 1) await pool.query('INSERT INTO note VALUES ($1)', ['x']);
  };
  const transacting = async (): Promise<void> => {
    for (; state.running; state.transactions += 1) {
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query("INSERT INTO note VALUES ('y')");
      await client.query('SELECT pg_sleep(0.05)');
      await client.query('COMMIT');
      client.release();
    }
  };
  const workers = Promise.all([...Array.from({ length: 8 }, querying), ...Array.from({ length: 4 }, transacting)]);

  for (let rotation = 0; rotation < 6; rotation += 1) {
    const [next, previous]: [Login, Login] = rotation % 2 === 0 ? ['app_b', 'app_a'] : ['app_a', 'app_b'];
    const { queries, transactions } = state;
    // Both kinds of work get on before the login changes again, so that each change happens under load.
    await soon(() => {
      expect(state.queries).toBeGreaterThan(queries);
      expect(state.transactions).toBeGreaterThan(transactions);
    });
    await enable(next, `password-${rotation}`);
    await acknowledged(rotation + 2);
    await admin.query(`ALTER ROLE ${previous} NOLOGIN PASSWORD NULL`);
  }
  state.running = false;
  await workers;

  expect(pool.totalCount).toBeLessThanOrEqual(8);
}, 30_000);

test('acknowledges although a client of the old login is still out, and leaves that client its session', async () => {
  const pool = makePool();
  const old = await pool.connect();
  await soon(() => expect(vault.openStreams).toBe(1));

  await enable('app_b', 'second-password');
  await acknowledged(2);
  await admin.query('ALTER ROLE app_a NOLOGIN PASSWORD NULL');
  const onOld = await old.query<{ login: string }>('SELECT session_user AS login');
  const onNew = await sessionUser(pool);
  old.release();

  expect(onOld.rows[0]?.login).toBe('app_a');
  expect(onNew).toBe('app_b');
  await soon(() => expect(pool.totalCount).toBe(1));
});

test('checkouts that wait for a client get one of the new login when all old ones are out', async () => {
  const pool = makePool({ max: 1 });
  const old = await pool.connect();
  await soon(() => expect(vault.openStreams).toBe(1));
  const waiting = pool.connect();
  expect(pool.waitingCount).toBe(1);

  await enable('app_b', 'second-password');
  const fresh = await waiting;
  const { rows } = await fresh.query<{ login: string }>('SELECT session_user AS login');
  await acknowledged(2);
  fresh.release();
  old.release();

  expect(rows[0]?.login).toBe('app_b');
});

test('asks the vault once and tries again when a login is refused before the change was heard of', async () => {
  vault.pushes = false;
  const pool = makePool();
  await pool.query('SELECT 1');
  await admin.query(`ALTER ROLE app_b LOGIN PASSWORD 'second-password'; ALTER ROLE app_a NOLOGIN PASSWORD NULL`);
  vault.secrets.set('sk_db', { version: 2, value: loginValue('app_b', 'second-password') });
  const holding = await pool.connect();
  const reads = vault.reads.length;

  const users = await Promise.all([sessionUser(pool), sessionUser(pool), sessionUser(pool)]);
  holding.release();

  expect(users).toEqual(['app_b', 'app_b', 'app_b']);
  expect(vault.reads.length).toBe(reads + 1);
});

test('waits through the moment in which a password has changed and the vault does not yet say so', async () => {
  const pool = makePool();
  const holding = await pool.connect();
  await soon(() => expect(vault.openStreams).toBe(1));
  await admin.query(`ALTER ROLE app_a PASSWORD 'changed-in-place'`);

  const refusedFirst = sessionUser(pool);
  await soon(() => expect(vault.reads.length).toBeGreaterThanOrEqual(2));
  vault.promote('sk_db', loginValue('app_a', 'changed-in-place'));

  expect(await refusedFirst).toBe('app_a');
  holding.release();
});

test('passes the refusal on, with its code, when there is no newer password', async () => {
  const pool = makePool({ waitForNewPasswordMs: 50 });
  await admin.query(`ALTER ROLE app_a PASSWORD 'something else'`);

  await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: '28P01' });
});

test('passes on what is wrong with a query and stays usable', async () => {
  const pool = makePool({ max: 1 });

  await expect(pool.query('SELEKT')).rejects.toMatchObject({ code: '42601' });

  expect(await sessionUser(pool)).toBe('app_a');
});

test('gives up waiting for a client when the time for connecting has passed', async () => {
  const pool = makePool({ max: 1, connectionTimeoutMillis: 2_000 });
  const only = await pool.connect();

  await expect(pool.connect()).rejects.toThrow('timeout exceeded when trying to connect');

  only.release();
  expect(await sessionUser(pool)).toBe('app_a');
});

test('ends when its clients are back, tells the vault, and refuses checkouts from then on', async () => {
  const pool = makePool();
  const client = await pool.connect();
  const waiting = makePool({ max: 1 });
  const taken = await waiting.connect();
  const refused = expect(waiting.connect()).rejects.toThrow('after calling end');

  const ended = Promise.all([pool.end(), waiting.end()]);
  await expect(pool.connect()).rejects.toThrow('after calling end');
  await refused;
  client.release();
  taken.release();
  await ended;

  expect(vault.endedInstances).toHaveLength(2);
  expect(pool.totalCount).toBe(0);
});

test('reads nothing more when it ends while a refused login waits for a newer password', async () => {
  const pool = makePool();
  await admin.query(`ALTER ROLE app_a PASSWORD 'something else'`);
  const refused = expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  await soon(() => expect(vault.reads).toHaveLength(2));

  await pool.end();
  await refused;

  expect(vault.reads).toHaveLength(2);
  expect(vault.endedInstances).toHaveLength(1);
});

test('names the field that a secret lacks for a login', async () => {
  vault.secrets.set('sk_db', { version: 9, value: '{"user":"x"}' });

  await expect(makePool().connect()).rejects.toThrow('secret sk_db has no field username; it has: user');
});
