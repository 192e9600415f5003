/** The SDK against the real vault program: what the double only imitates. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AccessDeniedError, NotFoundError, SikkerKey, type WatchEvent } from '@sikkerkey/sdk/index.ts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { asMachine, asOperator, type Identity } from '../support/signed-request.ts';
import { soon } from '../support/soon.ts';
import { approvedMachine, startVault, type TestVault } from '../support/vault-process.ts';

let vault: TestVault;
let directory = '';
let projectId = '';
let reader: Identity;
let daemon: Identity;
let sikkerkey: SikkerKey;

const operate = <R extends Parameters<typeof asOperator>[2]>(route: R, body: Parameters<typeof asOperator<R>>[3]) =>
  asOperator(vault.apiUrl, vault.operator, route, body);
const call = <R extends Parameters<typeof asMachine>[2]>(identity: Identity, route: R, body: Parameters<typeof asMachine<R>>[3]) =>
  asMachine(vault.apiUrl, identity, route, body);

beforeAll(async () => {
  vault = await startVault({ serve: ['--lockout-exempt-loopback'] });
  directory = await mkdtemp(join(tmpdir(), 'sk-real-'));
  projectId = (await operate('createProject', { name: 'shop' })).projectId;
  reader = await approvedMachine(vault, [projectId]);
  daemon = await approvedMachine(vault, [projectId]);
  await writeFile(join(directory, 'private.pem'), reader.key.toPem().reveal(), { mode: 0o600 });
  const identity = { machineId: reader.id, machineName: 'm', vaultId: vault.vaultId, apiUrl: vault.apiUrl, privateKeyPath: 'private.pem' };
  await writeFile(join(directory, 'identity.json'), JSON.stringify(identity), { mode: 0o600 });
}, 30_000);

afterAll(async () => {
  await vault.stop();
  await rm(directory, { recursive: true, force: true });
});

beforeEach(() => {
  sikkerkey = new SikkerKey(join(directory, 'identity.json'));
});

afterEach(() => sikkerkey.close());

async function secretOf(body: { value?: string; fields?: Record<string, string> }, name: string): Promise<string> {
  const { secretId } = await operate('createSecret', { projectId, name, ...body });
  await operate('grant', { secretId, machineId: reader.id, permission: 'read' });
  return secretId;
}

async function managedSecret(name: string): Promise<string> {
  const { secretId } = await operate('createManagedSecret', {
    projectId,
    name,
    provider: 'postgresql',
    username: 'app',
    password: 'the first password',
    host: 'db.example',
    port: 5432,
    database: 'app',
  });
  await operate('grant', { secretId, machineId: reader.id, permission: 'read' });
  await operate('grant', { secretId, machineId: daemon.id, permission: 'rotate' });
  return secretId;
}

/** What the daemon does, without a database. */
async function promoteNext(secretId: string): Promise<{ rotationId: string; epoch: number }> {
  const claim = await call(daemon, 'claim', { secretId, daemonId: 'd_test', purpose: 'work' });
  if (claim.outcome !== 'claimed' || claim.rotation.rotationId === null) throw new Error('nothing to claim');
  const { rotationId, epoch } = claim.rotation;
  await call(daemon, 'confirm', { secretId, rotationId, epoch });
  return { rotationId, epoch };
}

/** Adopted, with a rotation pending: every reader of the version that is live now is known to the vault. */
async function rotationOfAdopted(secretId: string): Promise<string> {
  await call(daemon, 'adopt', { secretId, strategy: 'flip', owner: 'app' });
  await call(daemon, 'retired', { secretId, ...(await promoteNext(secretId)) });
  return (await operate('rotate', { secretId })).rotationId;
}

test('reads, lists and exports what the machine was granted', async () => {
  const plain = await secretOf({ value: 'k-1' }, 'api key');
  const structured = await secretOf({ fields: { host: 'db', pass: 'x' } }, 'db creds');

  expect(await sikkerkey.getSecret(plain)).toBe('k-1');
  expect(await sikkerkey.getField(structured, 'pass')).toBe('x');
  const listed = await sikkerkey.listSecrets();
  expect(
    listed
      .filter(({ id }) => id === plain || id === structured)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['api key', 'db creds']);
  expect((await sikkerkey.listSecretsByProject(projectId)).length).toBe(listed.length);
  expect(await sikkerkey.export()).toMatchObject({ API_KEY: 'k-1', DB_CREDS_HOST: 'db', DB_CREDS_PASS: 'x' });
});

test('tells a missing secret from one that it may not read', async () => {
  const { secretId } = await operate('createSecret', { projectId, name: 'not granted', value: 'v' });

  await expect(sikkerkey.getSecret(secretId)).rejects.toBeInstanceOf(AccessDeniedError);
  await expect(sikkerkey.getSecret('sk_nothing_here')).rejects.toBeInstanceOf(NotFoundError);
});

test('watches: a change, then the loss of the grant', async () => {
  const secretId = await secretOf({ value: 'one' }, 'watched');
  await sikkerkey.getSecret(secretId);
  const events: WatchEvent[] = [];
  sikkerkey.watch(secretId, (event) => void events.push(event));

  await operate('updateSecret', { secretId, value: 'two' });
  await soon(() => expect(events).toHaveLength(1));
  await operate('revoke', { secretId, machineId: reader.id, permission: 'read' });
  await soon(() => expect(events).toHaveLength(2));

  expect(events.map(({ status, value }) => [status, value])).toEqual([
    ['changed', 'two'],
    ['access_denied', null],
  ]);
});

test('goes on watching through a restart of the vault', async () => {
  const secretId = await secretOf({ value: 'one' }, 'restart');
  await sikkerkey.getSecret(secretId);
  const values: (string | null)[] = [];
  sikkerkey.watch(secretId, ({ status, value }) => void (status === 'changed' && values.push(value)));
  await operate('updateSecret', { secretId, value: 'two' });
  await soon(() => expect(values).toEqual(['two']));

  await vault.restart('SIGKILL');
  await operate('updateSecret', { secretId, value: 'three' });

  await soon(() => expect(values).toEqual(['two', 'three']));
});

test('a reader with a login under way keeps the old version from being retired, and its end releases it', async () => {
  const secretId = await managedSecret('held');
  const requested = await rotationOfAdopted(secretId);
  const logins = sikkerkey.reader(secretId, { pool: 'web' });
  const login = Promise.withResolvers<void>();
  const underWay = logins.use(() => login.promise);
  await soon(async () => expect(await logins.use(({ sequence }) => sequence)).toBe(2));

  const { rotationId, epoch } = await promoteNext(secretId);
  await soon(async () => expect(await logins.use(({ sequence }) => sequence)).toBe(3));
  const whileUnderWay = await call(daemon, 'drain', { secretId, rotationId, epoch });
  login.resolve();
  await underWay;

  expect(requested).toBe(rotationId);
  expect(whileUnderWay).toMatchObject({ state: 'draining', holdOuts: [{ kind: 'reader', pool: 'web', version: 2 }] });
  await soon(async () => expect(await call(daemon, 'drain', { secretId, rotationId, epoch })).toEqual({ state: 'clear' }));
});

test('a value that was handed out stays held until the application says that it is done with it', async () => {
  const secretId = await managedSecret('handed out');
  await rotationOfAdopted(secretId);
  await sikkerkey.getFields(secretId);
  const { rotationId, epoch } = await promoteNext(secretId);

  const { username } = await sikkerkey.getFields(secretId);
  const afterReading = await call(daemon, 'drain', { secretId, rotationId, epoch });
  await sikkerkey.acknowledge(secretId);
  const afterSaying = await call(daemon, 'drain', { secretId, rotationId, epoch });

  expect(username).toBe('app_b');
  expect(afterReading).toMatchObject({ state: 'draining' });
  expect(afterSaying).toEqual({ state: 'clear' });
});

test('closing releases what readers held', async () => {
  const secretId = await managedSecret('closed');
  await rotationOfAdopted(secretId);
  await sikkerkey.reader(secretId).use(() => undefined);

  await sikkerkey.close();
  const { rotationId, epoch } = await promoteNext(secretId);

  expect(await call(daemon, 'drain', { secretId, rotationId, epoch })).toEqual({ state: 'clear' });
});
