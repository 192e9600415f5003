/** Who may read what: a machine from its token to its first read, and every way of being refused. */
import { generateSigningKey } from '@sikkerkey/core/identity/signing-key.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asMachine, asOperator, type Identity, plainRequest, signedRequest } from '../support/signed-request.ts';
import { approvedMachine, enrolledMachine, startVault, type TestVault } from '../support/vault-process.ts';

let vault: TestVault;
let projectId: string;
let otherProjectId: string;
let secretId: string;
let ungrantedId: string;
let foreignId: string;
let machine: Identity;

beforeAll(async () => {
  vault = await startVault({ serve: ['--lockout-exempt-loopback'] });
  const operate = <R extends Parameters<typeof asOperator>[2]>(route: R, body: Parameters<typeof asOperator<R>>[3]) =>
    asOperator(vault.apiUrl, vault.operator, route, body);
  projectId = (await operate('createProject', { name: 'production' })).projectId;
  otherProjectId = (await operate('createProject', { name: 'elsewhere' })).projectId;
  secretId = (await operate('createSecret', { projectId, name: 'api-key', value: 'the value' })).secretId;
  ungrantedId = (await operate('createSecret', { projectId, name: 'not-granted', fields: { user: 'u', pass: 'p' } })).secretId;
  foreignId = (await operate('createSecret', { projectId: otherProjectId, name: 'foreign', value: 'x' })).secretId;
  machine = await approvedMachine(vault, [projectId]);
  await operate('grant', { secretId, machineId: machine.id, permission: 'read' });
});
afterAll(() => vault.stop());

const readPath = (id: string): string => `/v1/secret/${id}`;
const read = (identity: Identity, id: string, bent = {}) => signedRequest(vault.apiUrl, identity, 'GET', readPath(id), '', bent);

describe('a machine with a grant', () => {
  test('reads the value in the published bytes', async () => {
    const answer = await read(machine, secretId);

    expect(answer.status).toBe(200);
    expect(answer.text).toBe('{"value":"the value"}');
    expect(Date.parse(answer.headers.date ?? '')).toBeGreaterThan(0);
  });

  test('reads value and version under /v2 when it names its instance', async () => {
    const answer = await asMachine(vault.apiUrl, machine, 'readSecret', { secretId, instance: 'one', pool: 'main' });

    expect(answer).toEqual({ secretId, name: 'api-key', version: 1, value: 'the value', fieldNames: null });
  });

  test('leaves one audit entry for each read', async () => {
    const before = await asOperator(vault.apiUrl, vault.operator, 'status', {});
    await read(machine, secretId);
    const after = await asOperator(vault.apiUrl, vault.operator, 'status', {});
    const { entries } = await asOperator(vault.apiUrl, vault.operator, 'audit', { limit: 1, secretId });

    expect(after.auditSequence - before.auditSequence).toBe(1);
    expect(entries[0]).toMatchObject({ actorKind: 'machine', actorId: machine.id, subject: secretId });
    expect(JSON.stringify(entries)).not.toContain('the value');
  });
});

describe('refusals of a signed request', () => {
  const rows: readonly [string, () => Promise<{ status: number; text: string; headers: object }>, number, string][] = [
    ['without a grant, inside its project', () => read(machine, ungrantedId), 403, 'access-denied'],
    ['no such secret', () => read(machine, 'sk_nothinghere'), 404, 'not-found'],
    ['a secret of a project that is not its own', () => read(machine, foreignId), 404, 'not-found'],
    ['an identity that nobody knows', () => read({ ...machine, id: 'nobody' }, secretId), 401, 'not-authenticated'],
    ['an operator on a route of machines', () => read({ ...vault.operator, kind: 'machine' }, secretId), 401, 'not-authenticated'],
    ['another signature', () => read(machine, secretId, { signature: `${'A'.repeat(86)}==` }), 401, 'not-authenticated'],
    ['another path than was signed', () => read(machine, secretId, { sentPath: readPath(ungrantedId) }), 401, 'not-authenticated'],
    ['no headers', () => plainRequest(vault.apiUrl, 'GET', readPath(secretId)), 401, 'not-authenticated'],
    ['a clock that is slow', () => read(machine, secretId, { timestampOffsetSeconds: -302 }), 401, 'clock-outside-window'],
    ['a clock that is fast', () => read(machine, secretId, { timestampOffsetSeconds: 302 }), 401, 'clock-outside-window'],
    [
      'a clock that is slow, and another signature: the time is judged first',
      () => read(machine, secretId, { timestampOffsetSeconds: -302, signature: `${'A'.repeat(86)}==` }),
      401,
      'clock-outside-window',
    ],
    ['a nonce with a colon', () => read(machine, secretId, { nonce: 'a:b' }), 400, 'request-malformed'],
    ['a query string', () => read(machine, secretId, { sentPath: `${readPath(secretId)}?a=b` }), 400, 'request-malformed'],
    ['an escaped path', () => read(machine, secretId, { sentPath: '/v1/secret/sk%5Fa' }), 400, 'request-malformed'],
    ['a path that does not exist', () => read(machine, secretId, { sentPath: '/v1/nothing' }), 404, 'route-not-found'],
    ['another method', () => plainRequest(vault.apiUrl, 'DELETE', readPath(secretId)), 404, 'route-not-found'],
  ];

  test.each(rows)('%s', async (_name, attempt, status, code) => {
    const answer = await attempt();

    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({ 'x-sikkerkey-error': code });
    const body = JSON.parse(answer.text) as Record<string, unknown>;
    expect(Object.keys(body)).toEqual(['error']);
    expect(typeof body['error']).toBe('string');
  });

  test('a wrong key and an unknown identity are refused in the same words', async () => {
    const unknown = await read({ ...machine, id: 'nobody' }, secretId);
    const wrongKey = await read({ ...machine, key: vault.operator.key }, secretId);

    expect(wrongKey.text).toBe(unknown.text);
    expect({ ...wrongKey.headers, date: '' }).toEqual({ ...unknown.headers, date: '' });
  });

  test('a clock off by exactly five minutes is still accepted', async () => {
    expect((await read(machine, secretId, { timestampOffsetSeconds: -299 })).status).toBe(200);
    expect((await read(machine, secretId, { timestampOffsetSeconds: 300 })).status).toBe(200);
  });

  test('a body other than the one that was signed is refused', async () => {
    const answer = await signedRequest(vault.apiUrl, machine, 'POST', '/v1/secrets/poll', '{"watch":[]}', { sentBody: '{"watch":["a"]}' });

    expect(answer.status).toBe(401);
  });

  test('a body larger than 64 KiB is refused before anything is checked', async () => {
    const answer = await signedRequest(vault.apiUrl, machine, 'POST', '/v1/secrets/list', 'x'.repeat(65_537));

    expect(answer.status).toBe(413);
    expect(answer.headers['x-sikkerkey-error']).toBe('request-too-large');
  });

  test('a daemon with two thousand agents still says all of it at once', async () => {
    const agents = Array.from({ length: 2_000 }, (_, index) => ({
      secretId: `sk_${String(index).padStart(12, '0')}`,
      state: 'DATABASE_UNREACHABLE',
      rotationId: null,
      version: 1,
      errorCode: 'ECONNREFUSED',
    }));

    const { work } = await asMachine(vault.apiUrl, machine, 'heartbeat', { daemonId: 'd', agents });

    expect(work).toHaveLength(2_000);
  });

  test('a value of 64 KiB is kept whole, whatever its characters', async () => {
    const value = '\u0001'.repeat(65_536);
    const large = await asOperator(vault.apiUrl, vault.operator, 'createSecret', { projectId, name: 'large', value });
    await asOperator(vault.apiUrl, vault.operator, 'grant', { secretId: large.secretId, machineId: machine.id, permission: 'read' });

    expect(JSON.parse((await read(machine, large.secretId)).text)).toEqual({ value });
  });

  test('/v2 names the code and the field, and not the value', async () => {
    const body = JSON.stringify({ secretId: { canary: 'canary-value' }, instance: 'i', pool: 'p' });
    const answer = await signedRequest(vault.apiUrl, machine, 'POST', '/v2/secrets/read', body);

    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toEqual({ error: { code: 'request-field-invalid', details: { field: 'secretId' } } });
  });
});

describe('a nonce', () => {
  test('is accepted once, also in another case of the identity, and also after a restart', async () => {
    const bent = { nonce: `once-${machine.id}` };
    expect((await read(machine, secretId, bent)).status).toBe(200);

    const again = await read(machine, secretId, bent);
    const otherCase = await read({ ...machine, id: machine.id.toUpperCase() }, secretId, bent);
    await vault.restart('SIGKILL');
    const afterRestart = await read(machine, secretId, bent);

    for (const answer of [again, otherCase, afterRestart]) {
      expect(answer.status).toBe(401);
      expect(answer.headers['x-sikkerkey-error']).toBe('request-replayed');
    }
  });

  test('of a request whose signature is wrong is not used up', async () => {
    const nonce = `kept-${machine.id}`;
    expect((await read(machine, secretId, { nonce, signature: `${'A'.repeat(86)}==` })).status).toBe(401);

    expect((await read(machine, secretId, { nonce })).status).toBe(200);
  });
});

describe('a machine that is not approved', () => {
  test('is refused with its state, and may ask what it is', async () => {
    const pending = await enrolledMachine(vault, [projectId]);

    const refused = await read(pending, secretId);
    const self = await signedRequest(vault.apiUrl, pending, 'GET', '/v2/machine');

    expect(refused.status).toBe(403);
    expect(refused.headers['x-sikkerkey-error']).toBe('machine-not-approved');
    expect(JSON.parse(self.text)).toMatchObject({ machineId: pending.id, state: 'pending', vaultId: vault.vaultId });
  });

  test('loses access when it is denied or disabled, and gets it back when it is enabled', async () => {
    const one = await approvedMachine(vault, [projectId]);
    await asOperator(vault.apiUrl, vault.operator, 'grant', { secretId, machineId: one.id, permission: 'read' });
    expect((await read(one, secretId)).status).toBe(200);

    await asOperator(vault.apiUrl, vault.operator, 'disableMachine', { machineId: one.id });
    expect((await read(one, secretId)).status).toBe(403);

    await asOperator(vault.apiUrl, vault.operator, 'enableMachine', { machineId: one.id });
    expect((await read(one, secretId)).status).toBe(200);
  });

  test('is approved only under the fingerprint that it has', async () => {
    const one = await enrolledMachine(vault);
    const attempt = asOperator(vault.apiUrl, vault.operator, 'approveMachine', { machineId: one.id, fingerprint: '0000-0000-0000' });

    await expect(attempt).rejects.toMatchObject({ answer: { status: 409 } });
  });
});

describe('an enrollment token', () => {
  test('works once, and for the same key again when the answer was lost', async () => {
    const { token } = await asOperator(vault.apiUrl, vault.operator, 'createBootstrapToken', {});
    const enroll = (): ReturnType<typeof plainRequest> =>
      plainRequest(
        vault.apiUrl,
        'POST',
        '/v2/enroll',
        JSON.stringify({ token, publicKey: vault.operator.key.publicKeyBase64, hostname: 'h' }),
      );
    const first = await enroll();
    expect(first.status).toBe(200);
    expect(JSON.parse(first.text)).toMatchObject({ vaultId: vault.vaultId, apiUrl: vault.apiUrl, state: 'pending' });

    const again = await enroll();
    expect([again.status, again.text]).toEqual([200, first.text]);

    const otherKey = JSON.stringify({ token, publicKey: machine.key.publicKeyBase64, hostname: 'h' });
    const second = await plainRequest(vault.apiUrl, 'POST', '/v2/enroll', otherKey);

    expect(second.status).toBe(401);
    expect(JSON.parse(second.text)).toMatchObject({ error: { code: 'enrollment-token-refused' } });
  });

  test('that nobody made is refused', async () => {
    const body = { token: 'x'.repeat(43), publicKey: machine.key.publicKeyBase64, hostname: 'h' };
    const answer = await plainRequest(vault.apiUrl, 'POST', '/v2/enroll', JSON.stringify(body));

    expect(answer.status).toBe(401);
  });
});

describe('an operator who is disabled', () => {
  test('is refused from the next request on, stays in the list, and the last one cannot be disabled', async () => {
    const key = generateSigningKey(systemRandom);
    const made = await asOperator(vault.apiUrl, vault.operator, 'createOperator', { name: 'second', publicKey: key.publicKeyBase64 });
    const second: Identity = { kind: 'operator', id: made.operatorId, key };
    await asOperator(vault.apiUrl, second, 'status', {});

    await asOperator(vault.apiUrl, vault.operator, 'disableOperator', { operatorId: second.id });
    const refused = await signedRequest(vault.apiUrl, second, 'POST', '/v2/operator/status', '{}');
    const body = JSON.stringify({ operatorId: vault.operator.id });
    const last = await signedRequest(vault.apiUrl, vault.operator, 'POST', '/v2/operator/operators/disable', body);
    const { operators } = await asOperator(vault.apiUrl, vault.operator, 'listOperators', {});
    const { entries } = await asOperator(vault.apiUrl, vault.operator, 'audit', { limit: 5 });

    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.text)).toMatchObject({ error: { code: 'operator-disabled' } });
    expect(last.status).toBe(409);
    expect(JSON.parse(last.text)).toMatchObject({ error: { code: 'last-operator' } });
    expect(operators.map(({ operatorId, state }) => [operatorId, state])).toEqual([
      [vault.operator.id, 'enabled'],
      [second.id, 'disabled'],
    ]);
    expect(entries).toContainEqual(expect.objectContaining({ action: 'operator.disable', subject: second.id, actorId: vault.operator.id }));
  });
});
