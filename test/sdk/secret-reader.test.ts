import { expect, test } from 'vitest';
import { FakeClock } from '../support/fake-clock.ts';
import { soon } from '../support/soon.ts';
import { gate, makeBench, versionsOf } from './reader-bench.ts';

test('acknowledges a newer version at once when no use of the older one is under way', async () => {
  await using bench = await makeBench();
  const reader = bench.sikkerkey.reader('sk_db', { pool: 'web' });
  await reader.use(() => undefined);

  await soon(() => expect(bench.vault.openStreams).toBe(1));
  bench.vault.promote('sk_db', 'two');

  await soon(() => expect(versionsOf(bench)).toContain(2));
  expect(bench.vault.acknowledgements.at(-1)).toMatchObject({ secretId: 'sk_db', pool: 'web', version: 2 });
  expect(await reader.use((secret) => secret.value)).toBe('two');
});

test('acknowledges the first version too, since an answer that was lost before may have left a hold on an older one', async () => {
  const clock = new FakeClock();
  await using bench = await makeBench(clock);
  bench.vault.onRead = async (count) => {
    if (count > 1) return;
    bench.vault.secrets.set('sk_db', { version: 2, value: 'two' });
    bench.vault.hangUpAll();
  };
  const reader = bench.sikkerkey.reader('sk_db', { cacheMs: 60_000 });

  const first = reader.use((secret) => secret.value);
  await clock.waitUntilSleeping();
  await clock.advance(1000);

  expect(await first).toBe('two');
  expect(bench.vault.reads.map((hold) => hold.version)).toEqual([1, 2]);
  await soon(() => expect(versionsOf(bench)).toEqual([2]));
});

test('refuses to ask once it has ended, so that no hold follows the word to the vault', async () => {
  await using bench = await makeBench();
  const reader = bench.sikkerkey.reader('sk_db', { cacheMs: 0 });
  await reader.use(() => undefined);
  await reader.end();

  await expect(reader.refresh()).rejects.toThrow('ended');

  expect(bench.vault.reads).toHaveLength(1);
});

test('waits at its end for a read that is under way', async () => {
  await using bench = await makeBench();
  const slow = gate();
  bench.vault.onRead = () => slow.opened;
  const reader = bench.sikkerkey.reader('sk_db', { cacheMs: 0 });
  const reading = reader.refresh();
  await soon(() => expect(bench.vault.reads).toHaveLength(1));

  const ended = reader.end();
  await new Promise((resolve) => setImmediate(resolve));
  const before = bench.vault.endedInstances.length;
  slow.open();
  await Promise.all([reading, ended]);

  expect(before).toBe(0);
  expect(bench.vault.endedInstances).toHaveLength(1);
});

test('does not acknowledge while a login with the older version is under way', async () => {
  await using bench = await makeBench();
  const reader = bench.sikkerkey.reader('sk_db');
  const login = gate();
  const underWay = reader.use(async (secret) => {
    await login.opened;
    return secret.value;
  });
  await soon(() => expect(bench.vault.openStreams).toBe(1));
  await soon(() => expect(versionsOf(bench)).toEqual([1]));

  bench.vault.promote('sk_db', 'two');
  await soon(async () => expect(await reader.use((secret) => secret.value)).toBe('two'));
  const whileUnderWay = versionsOf(bench);
  login.open();

  expect(whileUnderWay).toEqual([1]);
  expect(await underWay).toBe('one');
  await soon(() => expect(versionsOf(bench)).toEqual([1, 2]));
});

test('ignores an older answer that arrives after a newer one, so that a cache never goes back', async () => {
  await using bench = await makeBench();
  const slow = gate();
  bench.vault.onRead = async (count) => {
    if (count === 2) await slow.opened;
  };
  const reader = bench.sikkerkey.reader('sk_db', { cacheMs: 0 });
  await reader.use(() => undefined);

  const olderRead = reader.refresh();
  await soon(() => expect(bench.vault.reads).toHaveLength(2));
  const answeredLate = bench.vault.reads[1]?.version;
  bench.vault.secrets.set('sk_db', { version: 2, value: 'two' });
  const newer = await reader.refresh();
  slow.open();
  const afterOlder = await olderRead;

  expect(answeredLate).toBe(1);
  expect(newer.value).toBe('two');
  expect(afterOlder.value).toBe('two');
  expect(await reader.use((secret) => secret.sequence)).toBe(2);
});

test('repeats an acknowledgement that did not arrive until it does', async () => {
  await using bench = await makeBench();
  const reader = bench.sikkerkey.reader('sk_db');
  await reader.use(() => undefined);
  await soon(() => expect(bench.vault.openStreams).toBe(1));
  await soon(() => expect(versionsOf(bench)).toEqual([1]));
  bench.vault.script.set('/v2/secrets/acknowledge', [
    { status: 0, hangUp: true },
    { status: 503, body: { error: { code: 'vault-sealed', details: {} } } },
  ]);

  bench.vault.promote('sk_db', 'two');

  await soon(() => expect(versionsOf(bench)).toEqual([1, 2]));
  expect(bench.vault.paths.filter((path) => path === '/v2/secrets/acknowledge')).toHaveLength(4);
});

test('goes on with what it knows while the vault is down', async () => {
  const clock = new FakeClock();
  await using bench = await makeBench(clock);
  const reader = bench.sikkerkey.reader('sk_db', { cacheMs: 1000 });
  await reader.use(() => undefined);
  await clock.advance(2000);
  bench.vault.script.set(
    '/v2/secrets/read',
    Array.from({ length: 4 }, () => ({ status: 503, body: {} })),
  );

  const used = reader.use((secret) => secret.value);
  for (const delayMs of [1000, 2000, 4000]) {
    await clock.waitUntilSleeping();
    await clock.advance(delayMs);
  }

  expect(await used).toBe('one');
});

test('does not go on with what it knows when the vault says that this machine may not read it any more', async () => {
  await using bench = await makeBench();
  const reader = bench.sikkerkey.reader('sk_db', { cacheMs: 0 });
  await reader.use(() => undefined);
  bench.vault.script.set('/v2/secrets/read', [{ status: 403, body: { error: { code: 'no-grant', details: {} } } }]);

  await expect(reader.use(() => undefined)).rejects.toMatchObject({ httpStatus: 403 });
});

test('uses a value for as long as its cache says and then asks again', async () => {
  const clock = new FakeClock();
  await using bench = await makeBench(clock);
  const reader = bench.sikkerkey.reader('sk_db', { cacheMs: 5000 });

  await reader.use(() => undefined);
  bench.vault.secrets.set('sk_db', { version: 2, value: 'two' });
  await clock.advance(4999);
  const within = await reader.use((secret) => secret.value);
  await clock.advance(1);
  const after = await reader.use((secret) => secret.value);

  expect(within).toBe('one');
  expect(after).toBe('two');
  await soon(() => expect(versionsOf(bench)).toEqual([1, 2]));
});

test('learns of a change that happens between the subscription and the first read', async () => {
  await using bench = await makeBench();
  const slow = gate();
  bench.vault.onRead = async (count) => {
    if (count === 1) await slow.opened;
  };
  const reader = bench.sikkerkey.reader('sk_db');
  const first = reader.use((secret) => secret.value);
  await soon(() => expect(bench.vault.reads).toHaveLength(1));
  await soon(() => expect(bench.vault.openStreams).toBe(1));

  bench.vault.promote('sk_db', 'two');
  slow.open();
  await first;

  await soon(async () => expect(await reader.use((secret) => secret.value)).toBe('two'));
});

test('learns by poll while the stream is down', async () => {
  const clock = new FakeClock();
  await using bench = await makeBench(clock);
  bench.vault.pushes = false;
  const reader = bench.sikkerkey.reader('sk_db');
  await reader.use(() => undefined);
  await clock.waitUntilSleeping();
  bench.vault.promote('sk_db', 'two');

  await soon(async () => {
    await clock.advance(1000);
    expect(versionsOf(bench)).toContain(2);
  });
  const polls = bench.vault.paths.filter((path) => path === '/v2/secrets/versions').length;

  expect(polls).toBeGreaterThanOrEqual(2);
  expect(polls).toBeLessThanOrEqual(2 + clock.monotonic() / 10_000);
});

test('follows the poll of a vault that only speaks the published protocol', async () => {
  const clock = new FakeClock();
  await using bench = await makeBench(clock);
  bench.vault.speaksV2 = false;
  const reader = bench.sikkerkey.reader('sk_db');
  await reader.use(() => undefined);
  bench.vault.secrets.set('sk_db', { version: 2, value: 'two' });
  bench.vault.publishedChanges.set('sk_db', 'changed');

  await soon(async () => {
    await clock.advance(1000);
    expect(await reader.use((secret) => secret.value)).toBe('two');
  });

  expect(bench.vault.acknowledgements).toEqual([]);
});

test('tells the vault at its end that it holds nothing, after the uses under way', async () => {
  await using bench = await makeBench();
  const reader = bench.sikkerkey.reader('sk_db');
  const login = gate();
  const begun = gate();
  const underWay = reader.use(() => {
    begun.open();
    return login.opened;
  });
  await begun.opened;

  const ended = reader.end();
  const before = bench.vault.endedInstances.length;
  login.open();
  await Promise.all([underWay, ended]);

  expect(before).toBe(0);
  expect(bench.vault.endedInstances).toEqual([bench.vault.reads[0]?.instance]);
  await expect(reader.use(() => undefined)).rejects.toThrow('ended');
});

test('keeps every use on one version and acknowledges in order under many concurrent uses', async () => {
  await using bench = await makeBench();
  const reader = bench.sikkerkey.reader('sk_db');
  await reader.use(() => undefined);
  await soon(() => expect(bench.vault.openStreams).toBe(1));
  const inUse = new Map<number, number>();
  const violations: string[] = [];
  const worker = async (): Promise<void> => {
    for (let round = 0; round < 60; round += 1) {
      await reader.use(async ({ sequence }) => {
        inUse.set(sequence, (inUse.get(sequence) ?? 0) + 1);
        if (bench.vault.acknowledgements.some((hold) => hold.version > sequence)) violations.push(`${sequence} after a newer one`);
        await new Promise((resolve) => setImmediate(resolve));
        if (bench.vault.acknowledgements.some((hold) => hold.version > sequence)) violations.push(`${sequence} during use`);
        inUse.set(sequence, (inUse.get(sequence) ?? 1) - 1);
      });
      if (round % 10 === 0) bench.vault.promote('sk_db', `value ${round}`);
    }
  };

  await Promise.all(Array.from({ length: 12 }, worker));

  expect(violations).toEqual([]);
  const versions = bench.vault.acknowledgements.map((hold) => hold.version);
  expect(versions).toEqual([...versions].sort((left, right) => left - right));
});
