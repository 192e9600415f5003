import { SikkerKey, type WatchEvent } from '@sikkerkey/sdk/index.ts';
import { expect, test } from 'vitest';
import { soon } from '../support/soon.ts';
import { VaultDouble } from './vault-double.ts';

interface Bench extends AsyncDisposable {
  readonly vault: VaultDouble;
  readonly sikkerkey: SikkerKey;
  readonly events: WatchEvent[];
}

async function makeBench(): Promise<Bench> {
  const vault = await VaultDouble.start();
  vault.secrets.set('sk_db', { version: 1, value: '{"password":"one"}' });
  const sikkerkey = new SikkerKey(vault.identityPath);
  return {
    vault,
    sikkerkey,
    events: [],
    async [Symbol.asyncDispose]() {
      await sikkerkey.close();
      await vault.stop();
    },
  };
}

const isWatching = ({ vault }: Bench): Promise<void> =>
  soon(() => {
    expect(vault.openStreams).toBe(1);
    expect(vault.paths.filter((path) => path === '/v2/secrets/versions').length).toBeGreaterThan(0);
  });

test('calls back with value and fields of every newer version, and not for the one that is there already', async () => {
  await using bench = await makeBench();
  bench.sikkerkey.watch('sk_db', (event) => void bench.events.push(event));
  await isWatching(bench);

  bench.vault.promote('sk_db', '{"password":"two"}');
  await soon(() => expect(bench.events).toHaveLength(1));
  bench.vault.promote('sk_db', 'plain now');
  await soon(() => expect(bench.events).toHaveLength(2));

  expect(bench.events).toEqual([
    { secretId: 'sk_db', status: 'changed', value: '{"password":"two"}', fields: { password: 'two' }, version: 2, error: null },
    { secretId: 'sk_db', status: 'changed', value: 'plain now', fields: null, version: 3, error: null },
  ]);
});

test('tells of a change that came after the application read the secret and before it watched', async () => {
  await using bench = await makeBench();
  await bench.sikkerkey.getSecret('sk_db');
  bench.vault.promote('sk_db', '{"password":"two"}');

  bench.sikkerkey.watch('sk_db', (event) => void bench.events.push(event));

  await soon(() => expect(bench.events.map((event) => event.version)).toEqual([2]));
});

test('looks anew when the vault says that its place in the stream is lost', async () => {
  await using bench = await makeBench();
  bench.sikkerkey.watch('sk_db', (event) => void bench.events.push(event));
  await isWatching(bench);
  bench.vault.dropStreams();
  bench.vault.push({ kind: 'reset' });
  await soon(() => expect(bench.vault.openStreams).toBe(1));

  bench.vault.secrets.set('sk_db', { version: 2, value: 'two' });
  bench.vault.push({ kind: 'reset' });

  await soon(() => expect(bench.events.map((event) => event.version)).toEqual([2]));
});

test('ends a watch whose secret is gone or withdrawn, after saying so', async () => {
  await using bench = await makeBench();
  bench.vault.secrets.set('sk_other', { version: 1, value: 'v' });
  bench.sikkerkey.watch('sk_db', (event) => void bench.events.push(event));
  bench.sikkerkey.watch('sk_other', (event) => void bench.events.push(event));
  await isWatching(bench);

  bench.vault.push({ kind: 'secret-deleted', secretId: 'sk_db' });
  bench.vault.push({ kind: 'access-lost', secretId: 'sk_other' });
  await soon(() => expect(bench.events).toHaveLength(2));
  bench.vault.promote('sk_db', 'ignored');

  expect(bench.events.map(({ secretId, status }) => [secretId, status])).toEqual([
    ['sk_db', 'deleted'],
    ['sk_other', 'access_denied'],
  ]);
  await soon(() => expect(bench.vault.openStreams).toBe(0));
});

test('does not call back after unwatch, and closes the stream with the last watch', async () => {
  await using bench = await makeBench();
  bench.sikkerkey.watch('sk_db', (event) => void bench.events.push(event));
  await isWatching(bench);

  bench.sikkerkey.unwatch('sk_db');
  await soon(() => expect(bench.vault.openStreams).toBe(0));
  bench.vault.promote('sk_db', 'two');

  expect(bench.events).toEqual([]);
});

test('watches again after the last watch had ended', async () => {
  await using bench = await makeBench();
  bench.sikkerkey.watch('sk_db', () => undefined);
  await isWatching(bench);
  bench.sikkerkey.unwatch('sk_db');
  await soon(() => expect(bench.vault.openStreams).toBe(0));

  bench.sikkerkey.watch('sk_db', (event) => void bench.events.push(event));
  await isWatching(bench);
  bench.vault.promote('sk_db', 'two');

  await soon(() => expect(bench.events).toHaveLength(1));
});
