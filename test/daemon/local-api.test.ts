/** The local API of a real daemon process over its real socket: what well-behaved and badly behaved clients meet. */
import { chmod, lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFrame } from '@sikkerkey/protocol/local/framing.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { localWireVersion, maxRequestBytes, snapshotOf } from './local-api-shapes.ts';
import { LocalCallFailed, LocalClient } from './local-client.ts';
import { eventually, type RunningDaemon, startDaemon, startProgram } from './programs.ts';

const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'answered',
    (error: unknown) => (error instanceof LocalCallFailed ? error.data.code : String(error)),
  );

describe('a daemon and its clients', () => {
  let directory: string;
  let daemon: RunningDaemon;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sk-'));
    daemon = await startDaemon(join(directory, 'h'));
  }, 30_000);

  afterAll(async () => {
    await daemon?.stop('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });

  test('says who it is in the answer to hello', async () => {
    const client = await LocalClient.open(daemon.socket, { hello: false });

    const hello = await client.call('hello', { wireVersion: localWireVersion, clientName: 'test', clientVersion: '1' });

    expect(hello).toMatchObject({ wireVersion: localWireVersion, role: 'admin' });
    expect(hello.bootId).toMatch(/^[0-9a-f]{24}$/);
    client.close();
  });

  test('refuses everything before hello, and a client of another wire version', async () => {
    const client = await LocalClient.open(daemon.socket, { hello: false });

    expect(await code(client.call('daemon.status', {}))).toBe('hello-expected');
    expect(await code(client.call('hello', { wireVersion: 99, clientName: 'test', clientVersion: '1' }))).toBe('wire-version-unsupported');
    client.close();
  });

  test('understands frames cut into single bytes and frames that arrive together', async () => {
    const client = await LocalClient.open(daemon.socket);
    const slow = client.request('daemon.status', { params: {} });
    client.socket.setNoDelay(true);
    const bytes = encodeFrame({ jsonrpc: '2.0', id: 900, method: 'daemon.status', params: { params: {} } });
    for (const byte of bytes) client.socket.write(Uint8Array.of(byte));
    const together = Buffer.concat([1, 2, 3].map((n) => encodeFrame({ jsonrpc: '2.0', id: 900 + n, method: 'agent.list', params: {} })));
    client.socket.write(together);
    const last = client.call('agent.list', {});

    expect(await slow.answer).toMatchObject({ agents: 0 });
    expect(await last).toEqual({ agents: [] });
    client.close();
  });

  test("takes a secret's value of 64 KiB, however JSON must escape it", async () => {
    const client = await LocalClient.open(daemon.socket);
    const body = { projectId: 'p_1', name: 'large', value: '\u0001'.repeat(65_536) };

    const answer = await code(client.call('operator.call', { route: 'createSecret', body }));
    client.close();

    // It was read and checked: what is missing is the operator's key.
    expect(answer).toBe('operator-unknown');
  });

  test.each([
    { name: 'a message over the limit', bytes: Buffer.from(`Content-Length: ${maxRequestBytes + 1}\r\n\r\n`) },
    { name: 'a length that is no number', bytes: Buffer.from('Content-Length: many\r\n\r\n{}') },
    { name: 'a header that never ends', bytes: Buffer.alloc(4_096, 97) },
    {
      name: 'bytes that are not UTF-8',
      bytes: Buffer.concat([Buffer.from('Content-Length: 4\r\n\r\n'), Buffer.from([0xff, 0xfe, 0xfd, 0xfc])]),
    },
    { name: 'text that is not JSON', bytes: Buffer.from('Content-Length: 9\r\n\r\nnot json!') },
    { name: 'JSON that is no message', bytes: Buffer.from('Content-Length: 2\r\n\r\n[]') },
  ])('closes the connection on $name and goes on serving the others', async ({ bytes }) => {
    const [bad, good] = await Promise.all([LocalClient.open(daemon.socket), LocalClient.open(daemon.socket)]);

    bad.socket.write(bytes);
    await bad.closed;

    expect(await good.call('agent.list', {})).toEqual({ agents: [] });
    good.close();
  });

  test('names what is wrong with a request and never its value', async () => {
    const client = await LocalClient.open(daemon.socket);
    const canary = 'canary-value-that-must-not-come-back';

    expect(await code(client.request('agent.fly', { params: {} }).answer)).toBe('method-unknown');
    expect(await code(client.request('agent.show', { params: { secretId: '../../etc/passwd' } }).answer)).toBe('params-invalid');
    const refused = await client.request('agent.show', { params: { secretId: [canary] } }).answer.catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LocalCallFailed);
    expect(JSON.stringify((refused as LocalCallFailed).data)).not.toContain(canary);
    expect((refused as LocalCallFailed).data.details).toEqual({ field: 'secretId' });
    client.close();
  });

  test('ignores fields that it does not know', async () => {
    const client = await LocalClient.open(daemon.socket);

    expect(await client.request('agent.list', { params: { colour: 'blue' }, newer: true }).answer).toEqual({ agents: [] });
    client.close();
  });

  test('wants a key for a call that changes something, and refuses the key for another call', async () => {
    const client = await LocalClient.open(daemon.socket);
    const stop = (secretId: string, idempotencyKey?: string): Promise<string> =>
      code(client.request('agent.stop', { params: { secretId }, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) }).answer);

    expect(await stop('sk_none')).toBe('idempotency-key-missing');
    expect(await stop('sk_none', 'key-number-1')).toBe('agent-unknown-here');
    client.close();
  });

  test('answers the same call with the same key once, also over another connection', async () => {
    const [first, second] = await Promise.all([LocalClient.open(daemon.socket), LocalClient.open(daemon.socket)]);
    const listener = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => listener.once('listening', resolve));
    const { port } = listener.address() as { port: number };
    const params = { apiUrl: `http://localhost:${port}`, token: 'token-of-twenty-characters', name: 'one' };
    const envelope = { params, idempotencyKey: 'enroll-number-1', deadlineMs: 60_000 };
    let connections = 0;
    listener.on('connection', () => {
      connections += 1;
    });

    const answers = [first.request('identity.enroll', envelope).answer, second.request('identity.enroll', envelope).answer].map(code);
    await eventually('the daemon asks the vault', () => connections > 0);
    expect(await code(second.request('identity.enroll', { ...envelope, params: { ...params, name: 'two' } }).answer)).toBe(
      'idempotency-key-reused',
    );
    listener.close();
    first.close();
    second.close();
    await Promise.all(answers);

    expect(connections).toBe(1);
  });

  test('ends a call at its deadline, and at once when the caller takes it back', async () => {
    const client = await LocalClient.open(daemon.socket);
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const params = { apiUrl: `http://localhost:${port}`, token: 'token-of-twenty-characters' };

    const late = client.request('identity.enroll', { params, idempotencyKey: 'deadline-call-1', deadlineMs: 50 });
    expect(await code(late.answer)).toBe('deadline-passed');
    const cancelled = client.request('identity.enroll', { params, idempotencyKey: 'cancelled-call-1' });
    client.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: cancelled.id } });
    expect(await code(cancelled.answer)).toBe('cancelled');
    silent.close();
    client.close();
  });

  test('limits the requests in flight of one connection', async () => {
    const client = await LocalClient.open(daemon.socket);
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const params = { apiUrl: `http://localhost:${port}`, token: 'token-of-twenty-characters' };

    const waiting = Array.from({ length: 32 }, (_, n) =>
      code(client.request('identity.enroll', { params, idempotencyKey: `in-flight-${n}`, deadlineMs: 500 }).answer),
    );
    expect(await code(client.call('agent.list', {}))).toBe('too-many-requests');
    await Promise.all(waiting);
    expect(await code(client.call('agent.list', {}))).toBe('answered');
    silent.close();
    client.close();
  });

  test('sends a snapshot, then changes whose numbers follow it, to two clients alike', async () => {
    const clients = await Promise.all([LocalClient.open(daemon.socket), LocalClient.open(daemon.socket)]);
    const snapshots = await Promise.all(clients.map((client) => client.call('state.subscribe', {})));

    const changes = await eventually(
      'a sign of life for both',
      () => {
        const seen = clients.map((client) => client.notifications.filter((one) => one.method === 'state.change'));
        return seen.every((one) => one.length > 0) ? seen : null;
      },
      10_000,
    );

    for (const [index, seen] of changes.entries()) {
      expect(snapshotOf(snapshots[index])).toMatchObject({ agents: [], vaults: [] });
      const base = snapshotOf(snapshots[index]).sequence;
      expect(seen.map((one) => (one.params as { sequence: number }).sequence)).toEqual(seen.map((_, n) => base + n + 1));
    }
    for (const client of clients) client.close();
  });

  test('serves a hundred clients', async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, () => LocalClient.open(daemon.socket)));

    const answers = await Promise.all(clients.map((client) => client.call('daemon.status', {})));

    expect(answers).toHaveLength(100);
    for (const client of clients) client.close();
  });

  test('lets go of a client that does not introduce itself', async () => {
    const client = await LocalClient.open(daemon.socket, { hello: false });

    await client.closed;

    expect(client.socket.destroyed).toBe(true);
  }, 10_000);

  test('keeps its socket, its files and its directories to its user', async () => {
    const modes = await Promise.all(
      ['', 'journal.db', 'agents.db', 'lock.db', 'socket', 'socket/sikkerkeyd.sock'].map(async (name) => {
        const found = await lstat(join(directory, 'h', 'daemon', name));
        return found.mode & 0o077;
      }),
    );

    expect(modes).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('is the only one for its home', async () => {
    const second = startProgram('daemon/main.ts', ['--home', join(directory, 'h')]);

    expect(await second.ended).toBe(7);
    expect(second.output()).toContain('daemon-already-running');
  });
});

describe('starting a daemon', () => {
  let directory: string;
  let home: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sk-'));
    home = join(directory, 'h');
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  const start = async (at = home): Promise<{ code: number | string; output: string }> => {
    const program = startProgram('daemon/main.ts', ['--home', at, '--foreground']);
    const ended = await Promise.race([
      program.ended,
      eventually('it started', () => program.output().includes('daemon-started')).then(() => 'started'),
    ]);
    if (ended === 'started') await program.stop();
    return { code: ended, output: program.output() };
  };

  test('takes the place of a daemon that was killed', async () => {
    const killed = await startDaemon(home);
    await killed.stop('SIGKILL');
    expect((await lstat(killed.socket)).isSocket()).toBe(true);

    expect(await start()).toMatchObject({ code: 'started' });
  });

  test('removes its socket at an orderly end and leaves nothing running', async () => {
    const daemon = await startDaemon(home);

    expect(await daemon.stop('SIGTERM')).toBe(0);
    await expect(lstat(daemon.socket)).rejects.toThrow('ENOENT');
  });

  test('ends when a client asks it to, after the answer', async () => {
    const daemon = await startDaemon(home);
    const client = await LocalClient.open(daemon.socket);

    expect(await client.call('daemon.stop', {})).toEqual({});
    expect(await daemon.ended).toBe(0);
  });

  test('refuses a path that a socket cannot have', async () => {
    const { code: exit, output } = await start(join(directory, 'x'.repeat(100)));

    expect(exit).toBe(2);
    expect(output).toContain('socket-path-too-long');
  });

  test('refuses a directory that others may enter, and leaves it as it is', async () => {
    await mkdir(join(home, 'daemon', 'socket'), { recursive: true, mode: 0o700 });
    await chmod(join(home, 'daemon', 'socket'), 0o755);

    expect(await start()).toMatchObject({ code: 4, output: expect.stringContaining('socket-directory-not-private') });
    expect((await lstat(join(home, 'daemon', 'socket'))).mode & 0o777).toBe(0o755);
  });

  test('refuses a planted symbolic link, both as directory and as socket', async () => {
    await mkdir(join(home, 'daemon'), { recursive: true, mode: 0o700 });
    await mkdir(join(directory, 'elsewhere'), { mode: 0o700 });
    await symlink(join(directory, 'elsewhere'), join(home, 'daemon', 'socket'));
    expect((await start()).output).toContain('socket-directory-not-private');

    await rm(join(home, 'daemon', 'socket'));
    await mkdir(join(home, 'daemon', 'socket'), { mode: 0o700 });
    await symlink(join(directory, 'elsewhere', 'target'), join(home, 'daemon', 'socket', 'sikkerkeyd.sock'));
    expect((await start()).output).toContain('socket-path-taken');
  });

  test('never removes what is no socket, nor a socket that answers', async () => {
    const path = join(home, 'daemon', 'socket', 'sikkerkeyd.sock');
    await mkdir(join(home, 'daemon', 'socket'), { recursive: true, mode: 0o700 });
    await writeFile(path, 'precious');
    expect((await start()).output).toContain('socket-path-taken');
    await rm(path);

    const squatter = createServer().listen(path);
    await new Promise((resolve) => squatter.once('listening', resolve));
    expect((await start()).output).toContain('a socket that answers');
    await new Promise((resolve) => squatter.close(resolve));
  });

  test.each([['--home='], ['--colour'], ['stray']])('says its usage for %s', async (word) => {
    const program = startProgram('daemon/main.ts', [word]);

    expect(await program.ended).toBe(2);
    expect(program.output()).toContain('sikkerkeyd [--home DIR]');
  });
});
