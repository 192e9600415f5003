import { systemClock } from '@sikkerkey/host/system-clock.ts';
import {
  AccessDeniedError,
  ApiError,
  AuthenticationError,
  ConflictError,
  FieldNotFoundError,
  NotFoundError,
  RateLimitedError,
  SecretStructureError,
  ServerSealedError,
  SikkerKey,
} from '@sikkerkey/sdk/index.ts';
import { expect, test } from 'vitest';
import { FakeClock } from '../support/fake-clock.ts';
import { VaultDouble } from './vault-double.ts';

interface Bench extends AsyncDisposable {
  readonly vault: VaultDouble;
  readonly clock: FakeClock;
  readonly sikkerkey: SikkerKey;
}

async function makeBench(): Promise<Bench> {
  const vault = await VaultDouble.start();
  // Begins at the vault's time: a clock that is far off costs one more request after a 401.
  const clock = new FakeClock(systemClock.now());
  const sikkerkey = new SikkerKey(vault.identityPath, { clock });
  return {
    vault,
    clock,
    sikkerkey,
    async [Symbol.asyncDispose]() {
      await sikkerkey.close();
      await vault.stop();
    },
  };
}

test('reads a value, its fields and one field, each by a freshly signed request that names the instance', async () => {
  await using bench = await makeBench();
  bench.vault.secrets.set('sk_db', { version: 3, value: '{"username":"app","port":5432,"on":true}' });

  const value = await bench.sikkerkey.getSecret('sk_db');
  const fields = await bench.sikkerkey.getFields('sk_db');
  const field = await bench.sikkerkey.getField('sk_db', 'username');

  expect(value).toBe('{"username":"app","port":5432,"on":true}');
  expect(fields).toEqual({ username: 'app', port: '5432', on: 'true' });
  expect(field).toBe('app');
  expect(new Set(bench.vault.nonces).size).toBe(3);
  expect(new Set(bench.vault.reads.map((read) => read.instance)).size).toBe(1);
});

test('says which fields there are when one is missing, and refuses values without fields', async () => {
  await using bench = await makeBench();
  bench.vault.secrets.set('sk_db', { version: 1, value: '{"username":"app","password":"x"}' });
  bench.vault.secrets.set('sk_plain', { version: 1, value: 'just text' });
  bench.vault.secrets.set('sk_nested', { version: 1, value: '{"a":{"b":1}}' });

  await expect(bench.sikkerkey.getField('sk_db', 'passwd')).rejects.toThrow(
    new FieldNotFoundError('secret sk_db has no field passwd; it has: username, password'),
  );
  await expect(bench.sikkerkey.getField('sk_db', 'constructor')).rejects.toBeInstanceOf(FieldNotFoundError);
  await expect(bench.sikkerkey.getFields('sk_plain')).rejects.toBeInstanceOf(SecretStructureError);
  await expect(bench.sikkerkey.getFields('sk_nested')).rejects.toBeInstanceOf(SecretStructureError);
});

test.each([
  { name: '401', status: 401, errorClass: AuthenticationError, attempts: 1 },
  { name: '403', status: 403, errorClass: AccessDeniedError, attempts: 1 },
  { name: '404', status: 404, errorClass: NotFoundError, attempts: 1 },
  { name: '409', status: 409, errorClass: ConflictError, attempts: 1 },
  { name: '500', status: 500, errorClass: ApiError, attempts: 1 },
  { name: '429', status: 429, errorClass: RateLimitedError, attempts: 4 },
  { name: '503', status: 503, errorClass: ServerSealedError, attempts: 4 },
])('answers $name with its own class after $attempts attempts', async ({ status, errorClass, attempts }) => {
  await using bench = await makeBench();
  bench.vault.secrets.set('sk_db', { version: 1, value: 'v' });
  bench.vault.script.set(
    '/v2/secrets/read',
    Array.from({ length: attempts }, () => ({ status, body: { error: { code: 'refused', details: {} } } })),
  );

  const outcome = bench.sikkerkey.getSecret('sk_db').catch((error: unknown) => error);
  for (let waits = 1; waits < attempts; waits += 1) {
    await bench.clock.waitUntilSleeping();
    await bench.clock.advance(4000);
  }
  const error = await outcome;

  expect(error).toBeInstanceOf(errorClass);
  expect(error).toMatchObject({ httpStatus: status, code: 'refused' });
  expect(bench.vault.paths.filter((path) => path === '/v2/secrets/read')).toHaveLength(attempts);
});

test('asks again after 1, 2 and 4 s when the connection drops, and succeeds with the fourth attempt', async () => {
  await using bench = await makeBench();
  bench.vault.secrets.set('sk_db', { version: 1, value: 'v' });
  bench.vault.script.set(
    '/v2/secrets/read',
    Array.from({ length: 3 }, () => ({ status: 0, hangUp: true })),
  );
  const startedAt = bench.clock.monotonic();

  const read = bench.sikkerkey.getSecret('sk_db');
  for (const delayMs of [1000, 2000, 4000]) {
    await bench.clock.waitUntilSleeping();
    await bench.clock.advance(delayMs);
  }

  expect(await read).toBe('v');
  expect(bench.clock.monotonic() - startedAt).toBe(7000);
});

test('reports no answer as status 0 with the kind of failure', async () => {
  const vault = await VaultDouble.start();
  const clock = new FakeClock();
  const sikkerkey = new SikkerKey(vault.identityPath, { clock });
  await vault.stop();

  const outcome = sikkerkey.getSecret('sk_db').catch((error: unknown) => error);
  for (const delayMs of [1000, 2000, 4000]) {
    await clock.waitUntilSleeping();
    await clock.advance(delayMs);
  }

  expect(await outcome).toMatchObject({ httpStatus: 0, code: 'connect-failed' });
  await sikkerkey.close();
});

test('never hands out an older version than one that it has seen', async () => {
  await using bench = await makeBench();
  bench.vault.secrets.set('sk_db', { version: 2, value: 'new' });
  await bench.sikkerkey.getSecret('sk_db');
  const old = { status: 200, body: { secretId: 'sk_db', name: 'n', version: 1, value: 'old', fieldNames: null } };

  bench.vault.script.set('/v2/secrets/read', [old]);
  const afterOne = await bench.sikkerkey.getSecret('sk_db');
  bench.vault.script.set('/v2/secrets/read', [old, old, old]);
  const afterThree = bench.sikkerkey.getSecret('sk_db');

  expect(afterOne).toBe('new');
  await expect(afterThree).rejects.toMatchObject({
    code: 'version-went-back',
    message: expect.stringContaining('restart this application'),
  });
});

test('falls back to the published reads where the vault announces no capabilities', async () => {
  await using bench = await makeBench();
  bench.vault.speaksV2 = false;
  bench.vault.secrets.set('sk_db', { version: 1, value: 'v' });

  const value = await bench.sikkerkey.getSecret('sk_db');

  expect(value).toBe('v');
  expect(bench.vault.paths).toEqual(['/v2/capabilities', '/v1/secret/sk_db']);
});

test.each([
  { name: 'a page of a proxy', answer: { status: 404, body: '<html>', headers: { 'content-type': 'text/html' } } },
  { name: 'a refusal of a proxy', answer: { status: 403, body: {} } },
  { name: 'a redirect', answer: { status: 302, body: {}, headers: { location: '/login' } } },
  { name: 'the form of something else', answer: { status: 200, body: { ok: true } } },
])('does not take $name for the published protocol, and asks again', async ({ answer }) => {
  await using bench = await makeBench();
  bench.vault.secrets.set('sk_db', { version: 1, value: 'v' });
  bench.vault.script.set('/v2/capabilities', [answer]);

  const read = bench.sikkerkey.getSecret('sk_db');
  await bench.clock.waitUntilSleeping();
  await bench.clock.advance(1000);

  expect(await read).toBe('v');
  expect(bench.vault.paths).toEqual(['/v2/capabilities', '/v2/capabilities', '/v2/secrets/read']);
});

test('asks a vault of the published protocol again after some minutes, and one of ours never', async () => {
  await using bench = await makeBench();
  bench.vault.secrets.set('sk_db', { version: 1, value: 'v' });
  bench.vault.speaksV2 = false;
  const asked = (): number => bench.vault.paths.filter((path) => path === '/v2/capabilities').length;
  await bench.sikkerkey.getSecret('sk_db');
  await bench.clock.advance(60_000);
  await bench.sikkerkey.getSecret('sk_db');
  const withinMinutes = asked();

  bench.vault.script.set('/v2/capabilities', [{ status: 502, body: {} }]);
  await bench.clock.advance(400_000);
  const published = await bench.sikkerkey.getSecret('sk_db');
  bench.vault.speaksV2 = true;
  await bench.clock.advance(400_000);
  await bench.sikkerkey.getSecret('sk_db');
  await bench.clock.advance(400_000);
  await bench.sikkerkey.getSecret('sk_db');

  expect(withinMinutes).toBe(1);
  expect(published).toBe('v');
  expect(asked()).toBe(3);
  expect(bench.vault.reads).toHaveLength(2);
});

test('lists and exports in the published form', async () => {
  await using bench = await makeBench();
  const item = { id: 'sk_1', name: 'Db Creds', fieldNames: 'host,pass', projectId: 'p_1' };
  bench.vault.script.set('/v1/secrets', [{ status: 200, body: { secrets: [item, { id: 'sk_2', name: 'key' }] } }]);
  bench.vault.script.set('/v1/secrets/list', [{ status: 200, body: { secrets: [item] } }]);
  bench.vault.script.set('/v1/secrets/export', [
    {
      status: 200,
      body: {
        secrets: [
          { ...item, value: '{"host":"db","pass":"x"}' },
          { id: 'sk_2', name: 'api-key', value: 'k', fieldNames: null },
        ],
      },
    },
  ]);

  const all = await bench.sikkerkey.listSecrets();
  const ofProject = await bench.sikkerkey.listSecretsByProject('p_1');
  const environment = await bench.sikkerkey.export();

  expect(all).toEqual([item, { id: 'sk_2', name: 'key', fieldNames: null, projectId: null }]);
  expect(ofProject).toEqual([item]);
  expect(environment).toEqual({ DB_CREDS_HOST: 'db', DB_CREDS_PASS: 'x', API_KEY: 'k' });
});

test('refuses an answer of another form instead of handing out undefined', async () => {
  await using bench = await makeBench();
  bench.vault.script.set('/v1/secrets', [{ status: 200, body: { secrets: 'none' } }]);

  await expect(bench.sikkerkey.listSecrets()).rejects.toMatchObject({ code: 'vault-answer-unreadable' });
});

test('never puts an id into a path that would lead elsewhere', async () => {
  await using bench = await makeBench();

  await expect(bench.sikkerkey.getSecret('../secrets')).rejects.toThrow('characters that no secret id has');

  expect(bench.vault.paths).toEqual([]);
});

test('keeps the holds of handed-out values when it closes, unless told that nothing is in use any more', async () => {
  await using keeping = await makeBench();
  await using ending = await makeBench();
  for (const { vault, sikkerkey } of [keeping, ending]) {
    vault.secrets.set('sk_db', { version: 1, value: 'v' });
    await sikkerkey.getSecret('sk_db');
  }

  await keeping.sikkerkey.close();
  await ending.sikkerkey.close({ usesNothingMore: true });

  expect(keeping.vault.endedInstances).toEqual([]);
  expect(ending.vault.endedInstances).toEqual([ending.vault.reads[0]?.instance]);
});

test('acknowledges for handed-out values only when the application says so', async () => {
  await using bench = await makeBench();
  bench.vault.secrets.set('sk_db', { version: 4, value: 'v' });
  await bench.sikkerkey.getSecret('sk_db');

  await bench.sikkerkey.acknowledge('sk_db');

  expect(bench.vault.acknowledgements).toEqual([{ ...bench.vault.reads[0], version: 4 }]);
});

test('closing with nothing in use waits for a read under way, so that it leaves no hold behind', async () => {
  await using bench = await makeBench();
  bench.vault.secrets.set('sk_db', { version: 1, value: 'v' });
  const served = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  bench.vault.onRead = () => {
    asked.resolve();
    return served.promise;
  };
  const reading = bench.sikkerkey.getSecret('sk_db');
  await asked.promise;

  const closing = bench.sikkerkey.close({ usesNothingMore: true });
  await new Promise((resolve) => setImmediate(resolve));
  const endedBefore = [...bench.vault.endedInstances];
  served.resolve();
  await closing;

  expect(endedBefore).toEqual([]);
  expect(await reading).toBe('v');
  expect(bench.vault.endedInstances).toEqual([bench.vault.reads[0]?.instance]);
});

test('closing with nothing in use lets go of a read whose answer was lost: it may have been served', async () => {
  await using bench = await makeBench();
  bench.vault.secrets.set('sk_db', { version: 1, value: 'v' });
  const lost = { status: 200, hangUp: true };
  bench.vault.script.set('/v2/secrets/read', [lost, lost, lost, lost]);
  const reading = expect(bench.sikkerkey.getSecret('sk_db')).rejects.toMatchObject({ httpStatus: 0 });
  for (let retry = 0; retry < 3; retry += 1) {
    await bench.clock.waitUntilSleeping();
    await bench.clock.advance(4_000);
  }
  await reading;

  await bench.sikkerkey.close({ usesNothingMore: true });

  expect(bench.vault.endedInstances).toHaveLength(1);
});

test('reads nothing after it was closed', async () => {
  await using bench = await makeBench();
  bench.vault.secrets.set('sk_db', { version: 1, value: 'v' });
  await bench.sikkerkey.close();

  await expect(bench.sikkerkey.getSecret('sk_db')).rejects.toThrow('this client has been closed');

  expect(bench.vault.reads).toEqual([]);
});
