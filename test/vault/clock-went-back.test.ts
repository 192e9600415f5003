/** A vault whose clock went back to a time that it has forgotten: it says so to everybody who asks, and that it is not their fault. */
import { join } from 'node:path';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { plainRequest, signedRequest } from '../support/signed-request.ts';
import { approvedMachine, startVault, type TestVault, vaultCommand } from '../support/vault-process.ts';

let vault: TestVault;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

test('answers 503 with a code of its own, is not ready, and tells its administrator until when', async () => {
  const machine = await approvedMachine(vault, []);
  const until = systemClock.now() + 3_600_000;
  const store = new Sqlite(join(vault.dataDirectory, 'vault.db'));
  // Of a nonce that expires then, the request was signed up to sixteen minutes before, and up to six.
  const forget = store.prepare('INSERT INTO forgotten_nonces (from_at, to_at) VALUES (?, ?)');
  forget.run(systemClock.now(), until + 360_000 - 1);
  const later = { from: until + 86_400_000, until: until + 90_000_000 };
  forget.run(later.from + 960_000, later.until + 360_000 - 1);
  store.close();
  expect((await plainRequest(vault.apiUrl, 'GET', '/readyz')).status).toBe(200);
  await vault.restart();

  const published = await signedRequest(vault.apiUrl, machine, 'GET', '/v1/secrets');
  const own = await signedRequest(vault.apiUrl, vault.operator, 'POST', '/v2/operator/status', '{}');
  const ready = await plainRequest(vault.apiUrl, 'GET', '/readyz');
  const status = await vaultCommand(['status', '--data', vault.dataDirectory, '--json']);
  const words = await vaultCommand(['status', '--data', vault.dataDirectory]);

  const refused = { status: 503, headers: { 'x-sikkerkey-error': 'vault-clock-went-back', 'retry-after': '5' } };
  expect(published).toMatchObject(refused);
  expect(own.status).toBe(503);
  expect(JSON.parse(own.text)).toMatchObject({ error: { code: 'vault-clock-went-back', retryAfterMs: 5_000 } });
  expect(ready).toMatchObject(refused);
  expect((await plainRequest(vault.apiUrl, 'GET', '/healthz')).status).toBe(200);
  expect(JSON.parse(status.stdout)).toMatchObject({ sealed: false, refusingUntil: new Date(until).toISOString() });
  expect(words.stdout).toContain(`requests are refused until it says ${new Date(until).toISOString()}`);
  const willRefuse = { from: new Date(later.from).toISOString(), until: new Date(later.until).toISOString() };
  expect(JSON.parse(status.stdout)).toMatchObject({ willRefuse });
  expect(words.stdout).toContain(`will be refused from ${willRefuse.from} to ${willRefuse.until}`);
  await expect
    .poll(() => vault.log(), { timeout: 10_000 })
    .toContain(`"event":"clock.will-refuse","from":"${willRefuse.from}","until":"${willRefuse.until}"`);
  await expect
    .poll(() => vault.log(), { timeout: 10_000 })
    .toContain(`"event":"clock.went-back","until":"${new Date(until).toISOString()}"`);
});
