/**
 * One recognisable value for each kind of secret goes through every path of the product, in success and in failure;
 * then everything that was written, printed or shown is searched for all of them (docs/what-is-never-logged.md).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Canary, filesBelow, findCanaries, type Sink } from './sinks.ts';
import { type Ended, Stage } from './stage.ts';

const stage = new Stage();
const canaries: Canary[] = [];
/** Base64 is what an operator's key looks like; the rest has the form of a password. */
const canary = (kind: string, value: string): string => {
  canaries.push({ kind, value });
  return value;
};
const password = canary('the first password of the login', 'canaryFirstPassword4711qjzk');
const plainValue = canary('the value of a plain secret', 'canaryPlainValue8150wvxb');
const newValue = canary('the second value of a plain secret', 'canarySecondValue6632trpl');
const fieldValue = canary('a field of a structured secret', 'canaryFieldValue2207mnhg');
const adminPassword = canary('the administrator’s password', 'canaryAdminPassword9034ssdk');
const wrongPassword = canary('a wrong password of the administrator', 'canaryWrongPassword3391hhtz');
const wrongToken = canary('a wrong enrollment token', 'canaryWrongToken5577ppllqqrrss');
const wrongUnsealKey = canary('a wrong unseal key', 'CANARYWRONGUNSEALKEY7788AABBCCDDEEFF');
const wrongOperatorKey = canary('a wrong operator key', Buffer.from('canary wrong operator key 32byte').toString('base64'));

const secretIdOf = ({ output }: Ended): string => (JSON.parse(output) as { secretId: string }).secretId;

async function expectOk(ended: Promise<Ended>): Promise<Ended> {
  const result = await ended;
  expect(result.code, result.output).toBe(0);
  return result;
}

async function expectFailure(ended: Promise<Ended>): Promise<void> {
  const result = await ended;
  expect(result.code, result.output).not.toBe(0);
}

async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = systemClock.monotonic() + 45_000;
  while (!(await condition())) {
    if (systemClock.monotonic() > deadline) throw new Error(`it has not come to pass: ${what}`);
    await systemClock.sleep(100);
  }
}

async function prepareDatabase(): Promise<void> {
  const { host, port, superuser, database } = stage.database;
  const client = new pg.Client({ host, port, database, user: superuser, password: stage.database.password.reveal() });
  await client.connect();
  // Made known to the server without its log: these two statements are the test's own, not the product's.
  await client.query('set log_statement = none');
  await client.query('set log_min_duration_statement = -1');
  await client.query(`create role app login password '${password}'`);
  await client.query(`create role canary_admin superuser login password '${adminPassword}'`);
  await client.end();
}

async function startVault(): Promise<string> {
  const unsealFile = join(stage.givenDirectory, 'unseal.key');
  const operatorFile = join(stage.givenDirectory, 'operator.key');
  await expectOk(
    stage.vault(['init', '--data', stage.vaultDirectory, '--key-file', unsealFile, '--operator-key-file', operatorFile, '--json']),
  );
  canary('the unseal key', readFileSync(unsealFile, 'utf8').trim());
  canary('the operator’s key', readFileSync(operatorFile, 'utf8').trim());
  const apiUrl = await stage.serve([]);
  await expectFailure(stage.vault(['unseal', '--data', stage.vaultDirectory], { input: `${wrongUnsealKey}\n` }));
  await expectOk(stage.vault(['unseal', '--data', stage.vaultDirectory, '--key-file', unsealFile]));
  return apiUrl;
}

/** Every kind of secret that an operator hands over; returns the id of the managed secret. */
async function handOver(apiUrl: string, operatorId: string): Promise<{ readonly managed: string; readonly plain: string }> {
  const login = ['admin', 'login', '--operator', operatorId, '--api-url', apiUrl];
  await expectFailure(
    stage
      .sikkerkey([...login, '--key-stdin'], { input: wrongOperatorKey })
      .then(async (ended) => (ended.code === 0 ? stage.sikkerkey(['admin', 'status']) : ended)),
  );
  await expectOk(stage.sikkerkey([...login, '--key-file', join(stage.givenDirectory, 'operator.key')]));
  const { projectId } = JSON.parse((await expectOk(stage.sikkerkey(['admin', 'project', 'create', 'shop', '--json']))).output) as {
    projectId: string;
  };
  const create = ['admin', 'secret', 'create'];
  const project = ['--project', projectId, '--json'];
  const plain = secretIdOf(await expectOk(stage.sikkerkey([...create, 'plain', ...project, '--value-stdin'], { input: plainValue })));
  await expectOk(stage.sikkerkey(['admin', 'secret', 'update', plain, '--value-file', stage.give('value', newValue)]));
  await expectOk(
    stage.sikkerkey([...create, 'structured', ...project, '--fields-stdin'], { input: JSON.stringify({ field: fieldValue }) }),
  );
  const { host, port, database } = stage.database;
  const place = ['--host', host, '--port', String(port), '--database', database, '--tls', 'disable'];
  const managed = secretIdOf(
    await expectOk(
      stage.sikkerkey(
        [...create.slice(0, 2), 'create-managed', 'app', ...project, ...place, '--username', 'app', '--password-stdin', '--drain', '2s'],
        { input: password },
      ),
    ),
  );
  const enroll = ['enroll', '--api-url', apiUrl, '--json'];
  await expectFailure(stage.sikkerkey([...enroll, '--token-stdin'], { input: wrongToken }));
  const { token } = JSON.parse(
    (await expectOk(stage.sikkerkey(['admin', 'machine', 'token', '--project', projectId, '--json'], { printsASecret: true }))).output,
  ) as { token: string };
  canary('an enrollment token', token);
  const { machineId } = JSON.parse((await expectOk(stage.sikkerkey([...enroll, '--token-file', stage.give('token', token)]))).output) as {
    machineId: string;
  };
  await expectOk(stage.sikkerkey(['admin', 'machine', 'approve', machineId]));
  for (const permission of ['read', 'rotate'])
    await expectOk(stage.sikkerkey(['admin', 'grant', 'add', managed, '--machine', machineId, '--permission', permission]));
  await expectOk(stage.sikkerkey(['admin', 'grant', 'add', plain, '--machine', machineId, '--permission', 'read']));
  return { managed, plain };
}

/** The value that the vault serves now; it becomes a canary, whatever it is. */
async function liveValue(secretId: string): Promise<string> {
  const { output } = await expectOk(stage.sikkerkey(['get', secretId, '-o', 'json'], { printsASecret: true }));
  const found = /"password"\s*:\s*"([^"]+)"/.exec(output.replaceAll('\\"', '"'))?.[1] ?? '';
  if (!canaries.some(({ value }) => value === found)) canary('a generated password', found);
  return found;
}

async function rotateThrough(secretId: string): Promise<void> {
  const { host, port, database } = stage.database;
  const configure = [
    'agent',
    'configure',
    '--secret',
    secretId,
    '--provider',
    'postgresql',
    '--host',
    host,
    '--port',
    String(port),
    '--database',
    database,
    '--tls',
    'disable',
  ];
  const asAdmin = [...configure, '--admin-user', 'canary_admin', '--admin-pass-stdin'];
  await expectOk(stage.sikkerkey(asAdmin, { input: wrongPassword }));
  await expectFailure(stage.sikkerkey(['agent', 'test', '--secret', secretId]));
  await expectFailure(stage.sikkerkey(['agent', 'adopt', '--secret', secretId, '--yes']));
  await expectOk(stage.sikkerkey(asAdmin, { input: adminPassword }));
  await expectOk(stage.sikkerkey(['agent', 'test', '--secret', secretId]));
  await expectOk(stage.sikkerkey(['agent', 'start', '--secret', secretId, '--detach']));
  await expectOk(stage.sikkerkey(['agent', 'adopt', '--secret', secretId, '--yes']));
  let seen = password;
  for (let rotation = 0; rotation < 3; rotation += 1) {
    const before = seen;
    if (rotation > 0) await expectOk(stage.sikkerkey(['agent', 'rotate', '--secret', secretId, '--yes']));
    await eventually(
      async () => {
        seen = await liveValue(secretId);
        return seen !== before;
      },
      `rotation ${rotation + 1} is live`,
    );
  }
}

beforeAll(async () => {
  await stage.startDatabase();
  await prepareDatabase();
}, 60_000);
afterAll(() => stage.end());

const isItsPlace = (path: string): boolean => ['private.pem', 'operator.json'].includes(basename(path));

function everyFile(): Sink[] {
  return [
    ...filesBelow('vault', stage.vaultDirectory, isItsPlace),
    ...filesBelow('home', stage.home, isItsPlace),
    { name: 'the log of PostgreSQL', bytes: readFileSync(stage.database.logFile) },
  ];
}

test('no secret of any kind turns up in a file, an output, an argument or an environment', { timeout: 240_000 }, async () => {
  const apiUrl = await startVault();
  stage.startDaemon();
  await eventually(async () => (await stage.sikkerkey(['daemon', 'status'])).code === 0, 'the daemon answers');
  const { output } = await stage.vault(['status', '--data', stage.vaultDirectory, '--json']);
  expect(output).toContain('"sealed":false');
  const { managed, plain } = await handOver(apiUrl, await operatorId());
  await expectOk(stage.sikkerkey(['get', plain], { printsASecret: true }));
  await rotateThrough(managed);
  for (const args of [
    ['admin', 'audit'],
    ['admin', 'rotations', managed],
    ['agent', 'list'],
    ['agent', 'plan', '--secret', managed],
    ['status'],
    ['admin', 'secret', 'show', managed],
  ]) {
    await expectOk(stage.sikkerkey([...args, '--json']));
  }
  await expectFailure(stage.sikkerkey(['get', 's_nothing']));
  const whileRunning = everyFile();
  await stage.stopPrograms();

  const pem = readFileSync(privateKeyFile(), 'utf8');
  canary('the machine’s private key', pem.split('\n')[1] ?? '');

  const sinks = [...whileRunning, ...everyFile(), ...stage.printedAndSeen];
  const names = sinks.map(({ name }) => name);
  expect(canaries.every(({ value }) => value.length >= 12)).toBe(true);
  expect(canaries.filter(({ kind }) => kind === 'a generated password').length).toBeGreaterThanOrEqual(3);
  expect(names).toEqual(
    expect.arrayContaining(['vault/vault.db', 'vault/audit-checkpoints', 'home/daemon/journal.db', 'the log of PostgreSQL']),
  );
  expect(names).toEqual(
    expect.arrayContaining([
      'standard output of sikkerkeyd',
      'standard error of sikkerkey-vault serve',
      'cmdline of a process',
      'environ of a process',
    ]),
  );
  expect(findCanaries([{ kind: 'an id', value: managed }], sinks)).not.toEqual([]);
  expect(findCanaries(canaries, sinks)).toEqual([]);
});

async function operatorId(): Promise<string> {
  const found = stage.printedAndSeen
    .map(({ bytes }) => /"operatorId":"([^"]+)"/.exec(bytes.toString())?.[1])
    .find((id) => id !== undefined);
  return found ?? '';
}

function privateKeyFile(): string {
  const vaults = join(stage.home, 'vaults');
  const id = readdirSync(vaults).find((name) => existsSync(join(vaults, name, 'private.pem'))) ?? '';
  return join(vaults, id, 'private.pem');
}
