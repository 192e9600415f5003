import { PassThrough } from 'node:stream';
import type { VaultEvent } from '@sikkerkey/protocol/vault/machine.ts';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import type { EventPage, StoredEvent } from '../storage/records.ts';
import { EventHub } from './event-hub.ts';
import { startOfStream, streamEvents } from './event-stream.ts';

/** A store with one list of events; the cursor counts them. */
class FakeEvents {
  readonly events: StoredEvent[] = [];
  stopped = false;
  oldest = 0;
  pageLimit = 1_000;

  append(secretId: string): void {
    this.events.push({ kind: 'secret-changed', secretId, version: 1, cursor: String(this.events.length + 1) });
  }

  async eventCursor(): Promise<string> {
    return String(this.events.length);
  }

  async eventsAfter({ cursor, limit }: { cursor: string; limit: number }): Promise<EventPage> {
    if (this.stopped) return { kind: 'stopped', state: 'disabled' };
    if (Number(cursor) < this.oldest) return { kind: 'reset', cursor: String(this.events.length) };
    const found = this.events.slice(Number(cursor));
    const page = found.slice(0, Math.min(limit, this.pageLimit));
    return { kind: 'events', events: page, cursor: page.at(-1)?.cursor ?? cursor, more: page.length < found.length };
  }
}

async function openStream(store: FakeEvents, cursor: string | null) {
  const clock = new FakeClock();
  const hub = new EventHub();
  const output = new PassThrough();
  const parts = { storage: store, clock, hub } as unknown as Parameters<typeof streamEvents>[0];
  const start = await startOfStream(parts.storage, 'machine', cursor);
  const ended = streamEvents(parts, start, output);
  await clock.waitUntilSleeping();
  const received = (): VaultEvent[] =>
    String(output.read() ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as VaultEvent);
  return { clock, hub, output, ended, received };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('says hello from where the listener stands, then what it missed', async () => {
  const store = new FakeEvents();
  store.append('one');
  store.append('two');

  const { received, hub, ended } = await openStream(store, '0');

  expect(received()).toMatchObject([
    { kind: 'hello', cursor: '0' },
    { kind: 'secret-changed', secretId: 'one', cursor: '1' },
    { kind: 'secret-changed', secretId: 'two', cursor: '2' },
  ]);
  hub.closeAll('stopping');
  await ended;
});

test('a listener without a cursor hears only what comes', async () => {
  const store = new FakeEvents();
  store.append('before');
  const { received, hub, ended } = await openStream(store, null);
  expect(received()).toMatchObject([{ kind: 'hello', cursor: '1' }]);

  store.append('after');
  hub.wake();
  await settle();

  expect(received()).toMatchObject([{ secretId: 'after', cursor: '2' }]);
  hub.closeAll('stopping');
  expect(await ended).toBe('stopping');
});

test('reads page after page without waiting to be woken', async () => {
  const store = new FakeEvents();
  store.pageLimit = 2;
  for (let count = 0; count < 7; count += 1) store.append(`s${count}`);

  const { received, hub, ended } = await openStream(store, '0');

  expect(received()).toHaveLength(8);
  hub.closeAll('stopping');
  await ended;
});

test('a cursor that is too old is told to start anew', async () => {
  const store = new FakeEvents();
  store.append('one');
  store.oldest = 1;

  const { received, hub, ended } = await openStream(store, '0');

  expect(received()).toMatchObject([
    { kind: 'reset', cursor: '1' },
    { kind: 'hello', cursor: '1' },
  ]);
  hub.closeAll('stopping');
  await ended;
});

test('says every fifteen seconds that it lives', async () => {
  const { received, clock, hub, ended } = await openStream(new FakeEvents(), null);
  received();

  await clock.advance(15_000);

  expect(received()).toMatchObject([{ kind: 'keep-alive', cursor: '0' }]);
  hub.closeAll('stopping');
  await ended;
});

test('ends when the vault is sealed', async () => {
  const { hub, ended, output } = await openStream(new FakeEvents(), null);

  hub.closeAll('sealed');

  expect(await ended).toBe('sealed');
  expect(output.writableEnded).toBe(true);
  expect(hub.size).toBe(0);
});

test('ends when the machine may not listen any more', async () => {
  const store = new FakeEvents();
  const { hub, ended } = await openStream(store, null);

  store.stopped = true;
  hub.wake();

  expect(await ended).toBe('access-ended');
});

test('notices that the client went away, and leaves nothing behind', async () => {
  const { hub, ended, output, clock } = await openStream(new FakeEvents(), null);

  output.destroy();

  expect(await ended).toBe('client-gone');
  expect(hub.size).toBe(0);
  expect(clock.sleeping).toBe(0);
});

test('a client that takes nothing for thirty seconds is cut', async () => {
  const store = new FakeEvents();
  const { hub, ended, output, clock } = await openStream(store, null);
  for (let count = 0; count < 5_000; count += 1) store.append(`secret-with-a-long-name-${count}`);

  hub.wake();
  await settle();
  await clock.waitUntilSleeping();
  await clock.advance(30_000);

  expect(await ended).toBe('client-too-slow');
  expect(output.destroyed).toBe(true);
});
