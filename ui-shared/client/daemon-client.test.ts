import { localMethods } from '@sikkerkey/protocol/local/methods.ts';
import { FakeClock } from '@sikkerkey/test/support/fake-clock.ts';
import { describe, expect, test } from 'vitest';
import type { ConnectionEnd, DaemonConnection } from './connection.ts';
import { openDaemonClient } from './daemon-client.ts';
import { DaemonError } from './daemon-error.ts';
import { isWriteMethod } from './write-methods.ts';

interface Sent {
  readonly id?: number;
  readonly method: string;
  readonly params: { readonly deadlineMs?: number; readonly idempotencyKey?: string; readonly params?: unknown; readonly id?: number };
}

function makeConnection() {
  const sent: Sent[] = [];
  let deliver: (message: unknown) => void = () => undefined;
  let end: (reason: ConnectionEnd) => void = () => undefined;
  const connection: DaemonConnection = {
    send: (message) => {
      sent.push(message as Sent);
    },
    onMessage: (listener) => {
      deliver = listener;
    },
    onClose: (listener) => {
      end = listener;
    },
    close: () => {
      end('closed');
    },
  };
  return { connection, sent, deliver: (message: unknown) => deliver(message), end: (reason: ConnectionEnd) => end(reason) };
}

function openClient(wireVersion = 1) {
  const wire = makeConnection();
  const clock = new FakeClock();
  let keys = 0;
  const client = openDaemonClient({
    connection: wire.connection,
    clock,
    newIdempotencyKey: () => {
      keys += 1;
      return `key-${keys}-long`;
    },
    clientName: 'test',
    clientVersion: '0',
  });
  const hello = { wireVersion, daemonVersion: '1', bootId: 'b', features: [], role: 'admin' };
  wire.deliver({ jsonrpc: '2.0', id: 1, result: hello });
  return { ...wire, client, clock };
}

const refusal = (code: string) => ({
  code: -32_000,
  message: code,
  data: { code, whoMustAct: 'user', retryable: true, details: { at: 3 } },
});

describe('the client of the daemon', () => {
  test('says hello first and answers each call by its own id, whatever the order', async () => {
    const { client, sent, deliver } = openClient();

    const first = client.call('agent.show', { secretId: 'a' });
    const second = client.call('agent.show', { secretId: 'b' });
    deliver({ jsonrpc: '2.0', id: 3, result: 'for b' });
    deliver({ jsonrpc: '2.0', id: 2, result: 'for a' });

    expect(sent[0]?.method).toBe('hello');
    expect(await first).toBe('for a');
    expect(await second).toBe('for b');
  });

  test('gives writes a fresh idempotency key and reads none', async () => {
    const { client, sent, deliver } = openClient();

    void client.call('agent.stop', { secretId: 'a' });
    void client.call('agent.stop', { secretId: 'a' }, { idempotencyKey: 'my-own-key' });
    void client.call('agent.list', {});
    for (const id of [2, 3, 4]) deliver({ jsonrpc: '2.0', id, result: {} });

    expect(sent.slice(1).map(({ params }) => params.idempotencyKey)).toEqual(['key-1-long', 'my-own-key', undefined]);
  });

  test('turns a refusal into its code and facts', async () => {
    const { client, deliver } = openClient();

    const call = client.call('agent.list', {});
    deliver({ jsonrpc: '2.0', id: 2, error: refusal('vault-sealed') });

    await expect(call).rejects.toMatchObject({ code: 'vault-sealed', retryable: true, details: { at: 3 } });
  });

  test('calls an error without a code unusable and keeps its text out', async () => {
    const { client, deliver } = openClient();

    const call = client.call('agent.list', {});
    deliver({ jsonrpc: '2.0', id: 2, error: { code: -32_603, message: 'password=hunter2' } });
    const error = await call.catch((caught: unknown) => caught);

    expect(error).toMatchObject({ code: 'daemon-answer-unusable', details: { rpcCode: -32_603 } });
    expect(JSON.stringify(error)).not.toContain('hunter2');
  });

  test('cancels at the daemon when the caller aborts', async () => {
    const { client, sent } = openClient();
    const abort = new AbortController();

    const call = client.call('agent.list', {}, { signal: abort.signal });
    abort.abort(new Error('enough'));

    await expect(call).rejects.toThrow('enough');
    expect(sent.at(-1)).toMatchObject({ method: '$/cancelRequest', params: { id: 2 } });
  });

  test('gives up by itself when the deadline has passed and the daemon is silent', async () => {
    const { client, sent, clock } = openClient();
    await client.hello;

    const call = client.call('agent.list', {}, { deadlineMs: 500 });
    const failed = expect(call).rejects.toMatchObject({ code: 'deadline-passed', details: { deadlineMs: 500 } });
    await clock.advance(1600);

    await failed;
    expect(sent[1]?.params.deadlineMs).toBe(500);
    expect(sent.at(-1)?.method).toBe('$/cancelRequest');
  });

  test('fails what is in flight when the connection is lost, and what comes after', async () => {
    const { client, end } = openClient();

    const call = client.call('agent.list', {});
    end('closed');

    await expect(call).rejects.toMatchObject({ code: 'daemon-connection-lost', retryable: true });
    await expect(client.call('agent.list', {})).rejects.toBeInstanceOf(DaemonError);
  });

  test('refuses a daemon of another wire version', async () => {
    const { client } = openClient(99);

    await expect(client.call('agent.list', {})).rejects.toMatchObject({ code: 'wire-version-mismatch', details: { ours: 1, theirs: 99 } });
  });

  test('hands notifications to listeners until they leave', () => {
    const { client, deliver } = openClient();
    const heard: string[] = [];

    const stop = client.onNotification((method) => heard.push(method));
    deliver({ jsonrpc: '2.0', method: 'state.change', params: {} });
    stop();
    deliver({ jsonrpc: '2.0', method: 'state.change', params: {} });

    expect(heard).toEqual(['state.change']);
  });

  test.each([null, 3, 'text', {}, { id: 2 }, { method: 4 }, { id: 'x', result: 1 }])('survives the strange message %j', (message) => {
    const { client, deliver } = openClient();

    deliver(message);

    expect(client).toBeDefined();
  });
});

test('the list of writes is the schema’s', () => {
  for (const [name, method] of Object.entries(localMethods)) expect([name, isWriteMethod(name as never)]).toEqual([name, method.write]);
});
