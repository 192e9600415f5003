import { expect, test } from 'vitest';
import { FakeClock } from '../support/fake-clock.ts';
import { soon } from '../support/soon.ts';
import { advanceUntil, makeBench, versionsOf } from './reader-bench.ts';

test('looks about a minute after a loss of access whether it is back, and goes on with what has changed', async () => {
  const clock = new FakeClock();
  await using bench = await makeBench(clock);
  const reader = bench.sikkerkey.reader('sk_db');
  await reader.use(() => undefined);
  await soon(() => expect(bench.vault.openStreams).toBe(1));

  bench.vault.script.set('/v2/secrets/read', [{ status: 403, body: { error: { code: 'no-grant', details: {} } } }]);
  bench.vault.promote('sk_db', 'two');
  await soon(() => expect(bench.vault.script.get('/v2/secrets/read')).toHaveLength(0));
  bench.vault.secrets.set('sk_db', { version: 3, value: 'three' });

  await advanceUntil(clock, async () => {
    bench.vault.push({ kind: 'keep-alive', serverTime: 0 });
    expect(await reader.use((secret) => secret.value)).toBe('three');
  });
  expect(clock.monotonic()).toBeGreaterThanOrEqual(48_000);
  await soon(() => expect(versionsOf(bench)).toContain(3));
});

test('looks at once when access is granted again', async () => {
  await using bench = await makeBench();
  const reader = bench.sikkerkey.reader('sk_db');
  await reader.use(() => undefined);
  await soon(() => expect(bench.vault.openStreams).toBe(1));
  bench.vault.push({ kind: 'access-lost', secretId: 'sk_db' });
  bench.vault.secrets.set('sk_db', { version: 2, value: 'two' });

  bench.vault.push({ kind: 'access-granted', secretId: 'sk_db' });

  await soon(async () => expect(await reader.use((secret) => secret.value)).toBe('two'));
});

test('polls before it follows again after the vault has ended the stream', async () => {
  await using bench = await makeBench();
  const reader = bench.sikkerkey.reader('sk_db');
  await reader.use(() => undefined);
  await soon(() => expect(bench.vault.paths).toContain('/v2/secrets/versions'));
  bench.vault.endStreams();
  bench.vault.secrets.set('sk_db', { version: 2, value: 'two' });

  await soon(async () => expect(await reader.use((secret) => secret.value)).toBe('two'));
});

test('takes over versions and names when a vault of the published protocol has become one of ours', async () => {
  const clock = new FakeClock();
  await using bench = await makeBench(clock);
  bench.vault.speaksV2 = false;
  const reader = bench.sikkerkey.reader('sk_db');
  const before = await reader.use(({ sequence }) => sequence);
  bench.vault.speaksV2 = true;

  await advanceUntil(clock, async () => expect(versionsOf(bench)).toEqual([1]), 5000);

  expect(before).toBeLessThan(1);
  expect(await reader.use(({ sequence }) => sequence)).toBe(1);
});
