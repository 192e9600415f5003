import { chmod, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connectToDaemon, type DaemonProgram } from '@sikkerkey/connect-to-daemon/connect.ts';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { maxReplyBytes } from '@sikkerkey/protocol/local/wire.ts';
import type { FakeDaemon } from '@sikkerkey/test/support/fake-daemon.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeHome, removeHome, runCli, startFakeDaemon } from './programs.ts';

let home: string;
let daemon: FakeDaemon | null;

beforeEach(async () => {
  home = await makeHome();
  daemon = null;
});

afterEach(async () => {
  await daemon?.stop();
  await removeHome(home);
});

function connect(startOnDemand: (() => DaemonProgram) | null = null) {
  return connectToDaemon({
    home: homeOf({ ...readEnvironment(), home }),
    clock: systemClock,
    newIdempotencyKey: () => crypto.randomUUID(),
    clientName: 'test',
    clientVersion: '0',
    startOnDemand,
  });
}

describe('before a byte is written', () => {
  const places = () => homeOf({ ...readEnvironment(), home });

  test('a directory that others may write to is not trusted', async () => {
    daemon = await startFakeDaemon(home);
    await chmod(places().socketDirectory, 0o777);

    await expect(connect()).rejects.toMatchObject({ code: 'socket-not-private', details: { why: 'accessible to others' } });
    expect(daemon.connections).toBe(0);
  });

  test('nor is one whose parent others may write to', async () => {
    daemon = await startFakeDaemon(home);
    await chmod(places().daemon, 0o777);

    await expect(connect()).rejects.toMatchObject({ code: 'socket-not-private' });
  });

  test('a planted link is not followed', async () => {
    daemon = await startFakeDaemon(home);
    const elsewhere = join(home, 'elsewhere.sock');
    await rename(places().socket, elsewhere);
    await symlink(elsewhere, places().socket);

    await expect(connect()).rejects.toMatchObject({ code: 'socket-not-private', details: { why: 'symbolic link' } });
    expect(daemon.connections).toBe(0);
  });

  test('a directory that is a link is not followed', async () => {
    daemon = await startFakeDaemon(home);
    const elsewhere = join(home, 'elsewhere');
    await rename(places().socketDirectory, elsewhere);
    await symlink(elsewhere, places().socketDirectory);

    await expect(connect()).rejects.toMatchObject({ code: 'socket-not-private', details: { why: 'symbolic link' } });
  });

  test('a file in the place of the socket is not taken for one', async () => {
    await writeFile(places().socket, '');

    await expect(connect()).rejects.toMatchObject({ code: 'socket-not-private', details: { why: 'not a socket' } });
  });

  test('a socket that the world may write to is not trusted', async () => {
    daemon = await startFakeDaemon(home);
    await chmod(places().socket, 0o666);

    await expect(connect()).rejects.toMatchObject({ code: 'socket-not-private' });
  });
});

describe('where no daemon is', () => {
  test('says so with the command that starts it', async () => {
    const { code, stderr } = await runCli(home, ['daemon', 'status']);

    expect(code).toBe(3);
    expect(stderr).toContain('sikkerkey daemon start');
  });

  test('takes a socket that a dead daemon left for none', async () => {
    const { socket } = homeOf({ ...readEnvironment(), home });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const kept = `${socket}.kept`;
    await rename(socket, kept);
    await new Promise((resolve) => server.close(resolve));
    await rename(kept, socket);
    await chmod(socket, 0o600);

    await expect(connect()).rejects.toMatchObject({ code: 'daemon-not-running' });
  });

  test('starts it on demand, and the program goes on by itself', async () => {
    const script = join(home, 'daemon-program.ts');
    const fake = join(import.meta.dirname, '..', 'support', 'fake-daemon-main.ts');
    await writeFile(script, `process.argv[2] = process.argv[3] ?? ''; process.argv[3] = '3'; await import(${JSON.stringify(fake)});\n`);

    const client = await connect(() => ({ file: process.execPath, args: [script] }));
    const { agents } = await client.call('agent.list', {});
    await client.call('daemon.stop', {});

    expect(agents).toHaveLength(3);
    client.close();
  });

  test('says why when the program ends instead of listening', async () => {
    await expect(connect(() => ({ file: process.execPath, args: ['-e', 'process.exit(7)', '--'] }))).rejects.toMatchObject({
      code: 'daemon-start-failed',
      details: { reason: 'it ended with code 7' },
    });
  });

  test('says why when the program cannot be started', async () => {
    await expect(connect(() => ({ file: '/nowhere/at/all', args: [] }))).rejects.toMatchObject({
      code: 'daemon-start-failed',
      details: { reason: 'ENOENT' },
    });
  });
});

describe('a peer that is no daemon', () => {
  test.each([
    ['a reply beyond the limit', `Content-Length: ${maxReplyBytes + 1}\r\n\r\n`],
    ['what is no frame', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['what is no JSON', 'Content-Length: 3\r\n\r\n{x}'],
  ])('that sends %s is given up', async (_name, bytes) => {
    daemon = await startFakeDaemon(home);
    daemon.on('agent.list', () => new Promise(() => undefined));
    const client = await connect();
    await client.hello;

    const call = client.call('agent.list', {});
    daemon.sendRaw(new TextEncoder().encode(bytes));

    await expect(call).rejects.toMatchObject({ code: 'daemon-connection-lost' });
  });

  test('a home that does not exist has no daemon', async () => {
    await removeHome(home);

    await expect(connect()).rejects.toMatchObject({ code: 'daemon-not-running' });
    await mkdir(home);
  });
});
