/** SIGUSR1 would open Node's debugger, on a port that every user of the host can reach, in a process that holds keys. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@sikkerkey/local-servers/free-port.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { plainRequest } from '../support/signed-request.ts';
import { eventually, type RunningDaemon, type RunningVault, startDaemon, startVault, withClient } from './programs.ts';

/** Ports of TCP on which the process listens, from its open sockets and the system's table of those that listen. */
async function listeningPorts(processId: number): Promise<readonly number[]> {
  const descriptors = await readdir(`/proc/${processId}/fd`);
  const links = await Promise.all(descriptors.map((name) => readlink(`/proc/${processId}/fd/${name}`).catch(() => '')));
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const tables = await Promise.all(['tcp', 'tcp6'].map((table) => readFile(`/proc/${processId}/net/${table}`, 'utf8')));
  const rows = tables.flatMap((table) => table.trim().split('\n').slice(1));
  return rows.flatMap((row) => {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
    return state === listening && inodes.has(inode) ? [Number.parseInt(local.split(':')[1] ?? '', 16)] : [];
  });
}
/** TCP_LISTEN of the kernel's tcp_states.h. */
const listening = '0A';

describe.skipIf(process.platform !== 'linux')('SIGUSR1', () => {
  let directory: string;
  let vault: RunningVault;
  let daemon: RunningDaemon;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sk-usr1-'));
    const port = await freePort();
    [vault, daemon] = await Promise.all([startVault({ directory, port }), startDaemon(join(directory, 'home'))]);
  });
  afterAll(async () => {
    await Promise.all([vault?.stop(), daemon?.stop()]);
    await rm(directory, { recursive: true, force: true });
  });

  test('opens the debugger of a program that does not keep it shut: this is how one would see it', async () => {
    const child = spawn(process.execPath, ['--inspect-port=0', '-e', 'setInterval(() => 0, 1000); console.log("up")'], { stdio: 'pipe' });
    const chunks: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk.toString('utf8')));
    await once(child.stdout, 'data');

    child.kill('SIGUSR1');
    await eventually('the debugger listens', () => chunks.join('').includes('Debugger listening'));
    const ports = await listeningPorts(child.pid ?? 0);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;

    expect(ports).toHaveLength(1);
  });

  test('opens nothing in the vault, which goes on serving', async () => {
    const { pid = 0 } = vault.child;
    const before = await listeningPorts(pid);
    expect(new Set(before)).toEqual(new Set([Number(new URL(vault.apiUrl).port)]));

    for (let count = 0; count < 3; count += 1) {
      vault.child.kill('SIGUSR1');
      // Two answers later the signal has long been delivered.
      for (const path of ['/healthz', '/readyz']) expect((await plainRequest(vault.apiUrl, 'GET', path)).status).toBe(200);
    }

    expect(await listeningPorts(pid)).toEqual(before);
    expect(vault.output()).not.toMatch(/debugger|inspector/i);
    expect(await vault.stop()).toBe(0);
    expect(vault.output()).not.toMatch(/debugger|inspector/i);
  });

  test('opens nothing in the daemon, which goes on answering', async () => {
    const { pid = 0 } = daemon.child;
    expect(await listeningPorts(pid)).toEqual([]);

    for (let count = 0; count < 3; count += 1) {
      daemon.child.kill('SIGUSR1');
      for (let asked = 0; asked < 2; asked += 1) await withClient(daemon.socket, (client) => client.call('identity.list', {}));
    }

    expect(await listeningPorts(pid)).toEqual([]);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.output()).not.toMatch(/debugger|inspector/i);
  });
});
