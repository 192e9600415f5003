import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { signingKeyFromSeed } from '../identity/signing-key.ts';
import type { Random } from '../random.ts';
import { createVaultClient, type VaultClient } from './client.ts';
import { eventOf, LineDecoder } from './events.ts';
import { machinePaths, operatorPaths } from './paths.ts';
import { VaultRefusal } from './refusal.ts';
import { TransportFailure, type VaultRequest, type VaultResponse, type VaultTransport } from './transport.ts';

interface Vectors {
  readonly seedHex: string;
  readonly vectors: readonly {
    readonly name: string;
    readonly method: string;
    readonly path: string;
    readonly body: string;
    readonly timestamp: string;
    readonly signature: string;
  }[];
}
const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', 'test', 'vectors', 'request-signing.json'), 'utf8'),
) as Vectors;
const countingRandom: Random = { bytes: (length) => Uint8Array.from({ length }, (_, index) => index), fraction: () => 0.5 };
const key = signingKeyFromSeed(Buffer.from(vectors.seedHex, 'hex'));
const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const dateOf = (ms: number): string => new Date(ms).toUTCString();

type Answer = Partial<VaultResponse> | Error;

class ScriptedTransport implements VaultTransport {
  readonly sent: VaultRequest[] = [];
  readonly #answers: Answer[];
  readonly chunks: Uint8Array[];

  constructor(answers: readonly Answer[], chunks: readonly Uint8Array[] = []) {
    this.#answers = [...answers];
    this.chunks = [...chunks];
  }

  request(request: VaultRequest): Promise<VaultResponse> {
    this.sent.push(request);
    const answer = this.#answers.shift() ?? {};
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve({ status: 200, headers: {}, body: bytesOf({}), ...answer });
  }

  async stream(request: VaultRequest): ReturnType<VaultTransport['stream']> {
    const { status, headers } = await this.request(request);
    const { chunks } = this;
    return {
      status,
      headers,
      chunks: (async function* () {
        yield* chunks;
      })(),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const clientOf = (transport: VaultTransport, clock = new FakeClock(), retryDelaysMs: readonly number[] = []): VaultClient =>
  createVaultClient({
    baseUrl: 'https://vault.example',
    identity: { kind: 'machine', id: 'machine_1', key },
    transport,
    clock,
    random: countingRandom,
    retryDelaysMs,
  });

describe('signing', () => {
  test.each(vectors.vectors.filter((vector) => vector.method === 'GET' && vector.path.startsWith('/v1/secret')))(
    'is byte for byte the published one: $name',
    async ({ method, path, timestamp, signature }) => {
      const transport = new ScriptedTransport([]);

      await clientOf(transport, new FakeClock(Number(timestamp) * 1000)).call(method as 'GET', path, null);

      expect(transport.sent[0]?.headers).toMatchObject({ 'x-machine-id': 'machine_1', 'x-timestamp': timestamp, 'x-signature': signature });
      expect(transport.sent[0]?.headers['content-type']).toBeUndefined();
    },
  );

  test.each(vectors.vectors.filter((vector) => vector.method === 'POST' && vector.body.startsWith('{') && !vector.body.includes('\\u')))(
    'covers the exact bytes of the body: $name',
    async ({ path, body, timestamp, signature }) => {
      const transport = new ScriptedTransport([]);

      await clientOf(transport, new FakeClock(Number(timestamp) * 1000)).call('POST', path, JSON.parse(body));

      expect(new TextDecoder().decode(transport.sent[0]?.body ?? new Uint8Array())).toBe(body);
      expect(transport.sent[0]?.headers['x-signature']).toBe(signature);
    },
  );

  test('names operators in their own header', async () => {
    const transport = new ScriptedTransport([]);
    const options = { baseUrl: 'https://vault.example', transport, clock: new FakeClock(), random: countingRandom };

    await createVaultClient({ ...options, identity: { kind: 'operator', id: 'op_1', key } }).operator('status', {});

    expect(transport.sent[0]).toMatchObject({ path: operatorPaths.status, headers: { 'x-operator-id': 'op_1' } });
    expect(transport.sent[0]?.headers['x-machine-id']).toBeUndefined();
  });
});

describe('the clock', () => {
  const years = 3 * 365 * 86_400_000;
  const refusedAt = (clock: FakeClock): Answer => ({ status: 401, headers: { date: dateOf(clock.now() + years) }, body: bytesOf({}) });

  test('that is wrong by years costs one extra request, and none after it', async () => {
    const clock = new FakeClock();
    const transport = new ScriptedTransport([refusedAt(clock), { headers: { date: dateOf(clock.now() + years) } }]);
    const client = clientOf(transport, clock);

    await client.machine('listSecrets', {});
    await client.machine('listSecrets', {});

    expect(transport.sent).toHaveLength(3);
    const stamps = transport.sent.map((request) => Number(request.headers['x-timestamp']) * 1000 - clock.now());
    expect(stamps[0]).toBe(0);
    expect(Math.abs((stamps[1] ?? 0) - years)).toBeLessThan(2_000);
    expect(Math.abs((client.skewMs() ?? 0) - years)).toBeLessThan(2_000);
  });

  test('that jumps while the program runs is corrected again', async () => {
    const clock = new FakeClock();
    const vaultNow = (): string => dateOf(1_700_000_000_000 + clock.monotonic());
    const transport = new ScriptedTransport([{ headers: { date: vaultNow() } }, { status: 401, headers: { date: vaultNow() } }, {}]);
    const client = clientOf(transport, clock);
    await client.machine('listSecrets', {});

    clock.jump(-years);
    await client.machine('listSecrets', {});

    expect(transport.sent).toHaveLength(3);
    expect(Number(transport.sent[2]?.headers['x-timestamp'])).toBeGreaterThan(1_699_999_990);
  });

  test('that is right makes a 401 final', async () => {
    const clock = new FakeClock();
    const transport = new ScriptedTransport([{ status: 401, headers: { date: dateOf(clock.now()) } }]);

    await expect(clientOf(transport, clock).machine('listSecrets', {})).rejects.toMatchObject({ status: 401 });
    expect(transport.sent).toHaveLength(1);
  });
});

describe('refusals', () => {
  test.each([
    {
      name: 'the body of /v2',
      answer: { status: 403, body: bytesOf({ error: { code: 'access-denied', details: { a: 1 }, retryAfterMs: 5 } }) },
      expected: { code: 'access-denied', details: { a: 1 }, retryAfterMs: 5 },
    },
    {
      name: 'the header of /v1',
      answer: { status: 404, headers: { 'x-sikkerkey-error': 'not-found' }, body: bytesOf({ error: 'no such thing' }) },
      expected: { code: 'not-found', details: {}, retryAfterMs: null },
    },
    {
      name: 'nothing but a status',
      answer: { status: 502, headers: { 'retry-after': '3' }, body: new TextEncoder().encode('<html>bad gateway</html>') },
      expected: { code: 'http-502', details: {}, retryAfterMs: 3_000 },
    },
    {
      name: 'a code that is no code',
      answer: { status: 400, body: bytesOf({ error: { code: 'two words\u001b[31m', details: { x: ['y'] } } }) },
      expected: { code: 'http-400', details: {}, retryAfterMs: null },
    },
  ])('are read from $name', async ({ answer, expected }) => {
    const failure = await clientOf(new ScriptedTransport([answer]))
      .machine('listSecrets', {})
      .catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(VaultRefusal);
    expect(failure).toMatchObject({ ...expected, status: answer.status });
  });

  test('of an answer that cannot be read do not carry its text', async () => {
    const transport = new ScriptedTransport([{ body: new TextEncoder().encode('{"value":"canary') }]);

    const failure = (await clientOf(transport)
      .machine('listSecrets', {})
      .catch((error: unknown) => error)) as Error;

    expect(failure).toMatchObject({ code: 'vault-answer-unreadable' });
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain('canary');
  });
});

describe('trying again', () => {
  test('follows the delays, jittered, and waits as long as the vault asks for', async () => {
    const clock = new FakeClock();
    const busy = { status: 429, body: bytesOf({ error: { code: 'too-many', details: {}, retryAfterMs: 9_000 } }) };
    const transport = new ScriptedTransport([new TransportFailure('connect-failed'), busy, {}]);
    const answered = clientOf(transport, clock, [1_000, 2_000, 4_000]).machine('listSecrets', {});

    await clock.waitUntilSleeping();
    await clock.advance(750);
    await clock.waitUntilSleeping();
    await clock.advance(8_999);
    expect(transport.sent).toHaveLength(2);
    await clock.advance(1);

    expect(await answered).toEqual({});
    expect(transport.sent).toHaveLength(3);
  });

  test.each([
    { name: 'a refusal for good', answer: { status: 403 } },
    { name: 'a certificate that is not trusted', answer: new TransportFailure('tls-untrusted') },
    { name: 'a cancelled call', answer: new TransportFailure('cancelled') },
  ])('does not happen after $name', async ({ answer }) => {
    const transport = new ScriptedTransport([answer]);

    await expect(clientOf(transport, new FakeClock(), [1_000]).machine('listSecrets', {})).rejects.toThrow();
    expect(transport.sent).toHaveLength(1);
  });
});

describe('the event stream', () => {
  const event = { kind: 'secret-changed', cursor: '5', secretId: 'sk_1', version: 2 } as const;
  const line = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  const collect = async (client: VaultClient): Promise<unknown[]> => {
    const events: unknown[] = [];
    for await (const one of client.events('4')) events.push(one);
    return events;
  };

  test('asks from its cursor and skips kinds that it does not know', async () => {
    const transport = new ScriptedTransport([], [line({ kind: 'from-the-future', cursor: '4' }), line(event)]);

    expect(await collect(clientOf(transport))).toEqual([event]);
    expect(transport.sent[0]).toMatchObject({ path: machinePaths.events, body: bytesOf({ cursor: '4' }) });
  });

  test('is refused like any other call', async () => {
    const transport = new ScriptedTransport([{ status: 403 }], [bytesOf({ error: { code: 'access-denied', details: {} } })]);

    await expect(collect(clientOf(transport))).rejects.toMatchObject({ code: 'access-denied' });
  });

  test('ends when the vault says nothing for too long', async () => {
    const clock = new FakeClock();
    const transport = new ScriptedTransport([]);
    transport.stream = () =>
      Promise.resolve({
        status: 200,
        headers: {},
        chunks: { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) },
      });
    const ended = collect(clientOf(transport, clock));
    ended.catch(() => undefined);

    await clock.waitUntilSleeping();
    await clock.advance(40_000);

    await expect(ended).rejects.toMatchObject({ fault: 'timeout' });
  });

  test('comes back line by line however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1, maxLength: 20 })), fc.array(fc.nat({ max: 300 })), (words, cuts) => {
        const lines = words.map((word) => JSON.stringify(word));
        const stream = new TextEncoder().encode(lines.map((text) => `${text}\n`).join(''));
        const edges = [...new Set([0, ...cuts.map((cut) => Math.min(cut, stream.length)), stream.length])].sort(
          (left, right) => left - right,
        );
        const decoder = new LineDecoder();
        const decoded = edges.slice(1).flatMap((edge, index) => decoder.push(stream.subarray(edges[index], edge)));

        expect(decoded.map((bytes) => new TextDecoder().decode(bytes))).toEqual(lines);
      }),
    );
  });

  test('refuses a line without end and a line that is no event', () => {
    expect(() => new LineDecoder().push(new Uint8Array(20_000).fill(97))).toThrow(TransportFailure);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          eventOf(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(TransportFailure);
        }
      }),
    );
  });
});

describe('the protocol that a vault speaks', () => {
  const page = new TextEncoder().encode('<html>');
  test.each([
    {
      name: 'its capabilities',
      answer: { body: bytesOf({ product: 'sikkerkey-vault', version: '1', vaultId: 'v', sealed: true, features: ['events', 5] }) },
      expected: { kind: 'v2', capabilities: { sealed: true, features: ['events'] } },
    },
    { name: 'a missing route without a body', answer: { status: 404, body: new Uint8Array() }, expected: { kind: 'published' } },
    { name: 'a missing route of an API', answer: { status: 404, body: bytesOf({ error: 'not found' }) }, expected: { kind: 'published' } },
    {
      name: 'our own refusal',
      answer: { status: 404, body: bytesOf({ error: { code: 'route-not-found' } }) },
      expected: { kind: 'unknown' },
    },
    { name: 'a page that is not there', answer: { status: 404, body: page }, expected: { kind: 'unknown', status: 404 } },
    { name: 'a page', answer: { body: page }, expected: { kind: 'unknown', status: 200 } },
    { name: 'an API of another kind', answer: { body: bytesOf({ product: 'other' }) }, expected: { kind: 'unknown' } },
    { name: 'a redirect', answer: { status: 302, headers: { location: '/login' } }, expected: { kind: 'unknown', status: 302 } },
    { name: 'a refusal', answer: { status: 403 }, expected: { kind: 'unknown', status: 403 } },
  ])('is $expected.kind after $name', async ({ answer, expected }) => {
    expect(await clientOf(new ScriptedTransport([answer])).spokenProtocol()).toMatchObject(expected);
  });

  test('is not concluded from a vault that is away', async () => {
    await expect(clientOf(new ScriptedTransport([{ status: 503 }])).spokenProtocol()).rejects.toMatchObject({ status: 503 });
  });
});
