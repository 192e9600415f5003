/** The published routes, byte for byte: lists, exports, polls, and the published sync agent's four calls (wire-runtime §2). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asMachine, asOperator, type Identity, signedRequest } from '../support/signed-request.ts';
import { approvedMachine, startVault, type TestVault } from '../support/vault-process.ts';

let vault: TestVault;
let projectId: string;
let machine: Identity;
let plainId: string;
let structuredId: string;

const operate = <R extends Parameters<typeof asOperator>[2]>(route: R, body: Parameters<typeof asOperator<R>>[3]) =>
  asOperator(vault.apiUrl, vault.operator, route, body);
const get = (path: string) => signedRequest(vault.apiUrl, machine, 'GET', path);
const post = (path: string, body: unknown = '') =>
  signedRequest(vault.apiUrl, machine, 'POST', path, body === '' ? '' : JSON.stringify(body));

beforeAll(async () => {
  vault = await startVault();
  projectId = (await operate('createProject', { name: 'production' })).projectId;
  machine = await approvedMachine(vault, [projectId]);
  plainId = (await operate('createSecret', { projectId, name: 'plain', value: 'v1' })).secretId;
  structuredId = (await operate('createSecret', { projectId, name: 'structured', fields: { user: 'ü', pass: 'p' } })).secretId;
  for (const secretId of [plainId, structuredId]) await operate('grant', { secretId, machineId: machine.id, permission: 'read' });
});
afterAll(() => vault.stop());

describe('lists', () => {
  test('carry exactly the published keys, and the names of fields as text', async () => {
    const answer = await get('/v1/secrets');

    expect(JSON.parse(answer.text)).toEqual({
      secrets: [
        { id: plainId, name: 'plain', fieldNames: null, projectId },
        { id: structuredId, name: 'structured', fieldNames: '["user","pass"]', projectId },
      ],
    });
  });

  test('of one project are the same, and 404 for a project that is not the machine’s', async () => {
    const own = await post('/v1/secrets/list', { projectId });
    const foreign = await post('/v1/secrets/list', { projectId: 'proj_other' });

    expect(own.text).toBe((await get('/v1/secrets')).text);
    expect(foreign.status).toBe(404);
  });
});

describe('export', () => {
  test.each([
    ['a request without a body', ''],
    ['an empty object', {}],
  ])('%s gives everything that is granted', async (_name, body) => {
    const answer = await post('/v1/secrets/export', body);

    expect(JSON.parse(answer.text)).toEqual({
      secrets: [
        { id: plainId, name: 'plain', value: 'v1', fieldNames: null },
        { id: structuredId, name: 'structured', value: '{"user":"ü","pass":"p"}', fieldNames: '["user","pass"]' },
      ],
    });
  });

  test('leaves an audit entry for each value', async () => {
    const before = (await operate('status', {})).auditSequence;
    await post('/v1/secrets/export', { projectId });

    expect((await operate('status', {})).auditSequence - before).toBe(2);
  });
});

describe('poll', () => {
  test('tells what changed since this machine fetched it, until it fetches again', async () => {
    await get(`/v1/secret/${plainId}`);
    expect((await post('/v1/secrets/poll', { watch: [plainId] })).text).toBe('{"changes":{}}');

    await operate('updateSecret', { secretId: plainId, value: 'v2' });
    const changed = JSON.stringify({ changes: { [plainId]: { status: 'changed' } } });
    expect((await post('/v1/secrets/poll', { watch: [plainId] })).text).toBe(changed);

    expect((await get(`/v1/secret/${plainId}`)).text).toBe('{"value":"v2"}');
    expect((await post('/v1/secrets/poll', { watch: [plainId] })).text).toBe('{"changes":{}}');
  });

  test('tells what was deleted and what was taken away', async () => {
    const gone = (await operate('createSecret', { projectId, name: 'gone', value: 'x' })).secretId;
    const taken = (await operate('createSecret', { projectId, name: 'taken', value: 'x' })).secretId;
    for (const secretId of [gone, taken]) {
      await operate('grant', { secretId, machineId: machine.id, permission: 'read' });
      await get(`/v1/secret/${secretId}`);
    }
    await operate('deleteSecret', { secretId: gone });
    await operate('revoke', { secretId: taken, machineId: machine.id, permission: 'read' });

    const answer = JSON.parse((await post('/v1/secrets/poll', { watch: [gone, taken] })).text) as unknown;

    expect(answer).toEqual({ changes: { [gone]: { status: 'deleted' }, [taken]: { status: 'access_denied' } } });
  });
});

test('rollback makes a new version with the old value', async () => {
  const secretId = (await operate('createSecret', { projectId, name: 'rolled', value: 'first' })).secretId;
  await operate('grant', { secretId, machineId: machine.id, permission: 'read' });
  await operate('updateSecret', { secretId, value: 'second' });

  expect(await operate('rollbackSecret', { secretId, version: 1 })).toMatchObject({ version: 3 });

  expect((await get(`/v1/secret/${secretId}`)).text).toBe('{"value":"first"}');
  expect((await operate('listVersions', { secretId })).versions).toHaveLength(3);
});

test('a generated value has the length and the characters asked for', async () => {
  const secretId = (await operate('createSecret', { projectId, name: 'pin', length: 8, charset: 'numbers' })).secretId;
  await operate('grant', { secretId, machineId: machine.id, permission: 'read' });

  expect((await get(`/v1/secret/${secretId}`)).text).toMatch(/^\{"value":"[0-9]{8}"\}$/);
});

describe('the published sync agent', () => {
  let secretId: string;
  const agent = (call: string): string => `/v1/secret/${secretId}/agent/${call}`;

  beforeAll(async () => {
    const made = await operate('createManagedSecret', {
      projectId,
      name: 'database',
      provider: 'postgresql',
      username: 'app',
      password: 'the first password',
      host: 'db.example',
      port: 5432,
      database: 'app',
      admin: { user: 'postgres', password: 'administrator' },
    });
    secretId = made.secretId;
    for (const permission of ['read', 'rotate'] as const) await operate('grant', { secretId, machineId: machine.id, permission });
    // Nobody adopted this login: a published agent serves it as the single user that it is, from when it first asks.
    await get(`/v1/secret/${secretId}/sync-config`);
    await operate('rotate', { secretId });
  });

  test('takes a rotation through by itself, and may say so twice', async () => {
    const config = JSON.parse((await get(`/v1/secret/${secretId}/sync-config`)).text) as Record<string, string>;
    expect(config).toMatchObject({
      providerType: 'postgresql',
      connection: { host: 'db.example', port: 5432, database: 'app', adminUser: 'postgres', adminPass: 'administrator' },
      managedUsername: 'app',
      pollIntervalSeconds: 10,
    });
    const pending = JSON.parse(config['pendingValue'] ?? '{}') as Record<string, string>;
    expect(pending).toMatchObject({ username: 'app', host: 'db.example', port: '5432' });
    expect((await post(agent('heartbeat'), { error: '', status: 'healthy' })).status).toBe(200);

    const rotationId = config['pendingRotationId'];
    expect((await post(agent('confirm-rotation'), { rotationId })).status).toBe(200);
    expect((await post(agent('confirm-rotation'), { rotationId })).status).toBe(200);

    const live = JSON.parse((await get(`/v1/secret/${secretId}`)).text) as { value: string };
    expect(JSON.parse(live.value)).toMatchObject({ username: 'app', password: pending['password'] });
    expect((await get(`/v1/secret/${secretId}/sync-config`)).text).not.toContain('pendingRotationId');
  });

  test('rejects a rotation without destroying its value, and without its words being kept', async () => {
    await operate('rotate', { secretId });
    const config = JSON.parse((await get(`/v1/secret/${secretId}/sync-config`)).text) as Record<string, string>;
    const rejection = { error: 'apply failed: canary-fragment', rotationId: config['pendingRotationId'] };

    expect((await post(agent('reject-rotation'), rejection)).status).toBe(200);
    expect((await post(agent('reject-rotation'), rejection)).status).toBe(200);

    const { versions } = await operate('listVersions', { secretId });
    expect(versions.some(({ label }) => label === 'quarantined')).toBe(true);
    const { entries } = await operate('audit', { secretId, limit: 20 });
    expect(JSON.stringify(entries) + vault.log()).not.toContain('canary-fragment');
  });

  test('gets nothing of a secret whose slots a daemon serves', async () => {
    const flipped = await operate('createManagedSecret', {
      projectId,
      name: 'flipped',
      provider: 'postgresql',
      username: 'owner',
      password: 'the first password',
      host: 'db.example',
      port: 5432,
      database: 'app',
    });
    await operate('grant', { secretId: flipped.secretId, machineId: machine.id, permission: 'rotate' });
    await asMachine(vault.apiUrl, machine, 'adopt', { secretId: flipped.secretId, strategy: 'flip', owner: 'owner' });

    const answer = await get(`/v1/secret/${flipped.secretId}/sync-config`);

    expect(answer.status).toBe(409);
    expect(answer.headers['x-sikkerkey-error']).toBe('served-by-daemon');
  });

  test('is told 409 for an id that names no rotation', async () => {
    expect((await post(agent('confirm-rotation'), { rotationId: 'rot_unknown' })).status).toBe(409);
  });
});
