/**
 * The published Python client (PyPI, sikkerkey 1.3.0), unmodified, in a virtual environment of its own below `.cache`.
 * Made once; what cannot be had is said, never worked around.
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import type { Identity } from '../support/signed-request.ts';

const run = promisify(execFile);
const version = '1.3.0';
const cache = fileURLToPath(new URL('../../.cache/published-client/', import.meta.url));
const script = fileURLToPath(new URL('./client.py', import.meta.url));
const interpreters = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];

export type FoundPython = { readonly kind: 'found'; readonly python: string } | { readonly kind: 'missing'; readonly why: string };

/** The interpreter of the virtual environment that holds the client. */
export async function publishedClientPython(): Promise<FoundPython> {
  const python = await suitablePython();
  if (python === null) return { kind: 'missing', why: 'no Python 3.10 or newer with venv' };
  const directory = join(cache, `sikkerkey-${version}-python-${python.version}`);
  const installed = join(directory, 'bin', 'python');
  try {
    await access(join(directory, 'complete'));
    return { kind: 'found', python: installed };
  } catch {
    return install(python.command, directory, installed);
  }
}

async function install(command: string, directory: string, installed: string): Promise<FoundPython> {
  const options = { env: childEnvironment(), timeout: 120_000 };
  try {
    await mkdir(cache, { recursive: true });
    await rm(directory, { recursive: true, force: true });
    await run(command, ['-m', 'venv', directory], options);
    await run(installed, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `sikkerkey==${version}`], options);
    await writeFile(join(directory, 'complete.new'), '');
    await rename(join(directory, 'complete.new'), join(directory, 'complete'));
    return { kind: 'found', python: installed };
  } catch {
    return { kind: 'missing', why: `sikkerkey ${version} could not be installed from PyPI` };
  }
}

async function suitablePython(): Promise<{ readonly command: string; readonly version: string } | null> {
  for (const command of interpreters) {
    const asked = await run(command, ['-c', 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])'], {
      env: childEnvironment(),
    }).catch(() => null);
    const found = asked?.stdout.trim() ?? '';
    const [major = 0, minor = 0] = found.split('.').map(Number);
    if (major === 3 && minor >= 10) return { command, version: found };
  }
  return null;
}

export interface ClientAnswer {
  readonly result?: unknown;
  /** Name of the client's exception. */
  readonly error?: string;
  readonly status?: number | null;
  readonly text?: string;
}

export interface WatchedChange {
  readonly secretId: string;
  readonly status: string;
  readonly value: string | null;
  readonly fields: Readonly<Record<string, string>> | null;
}

export interface PublishedClient {
  call(method: string, ...args: readonly unknown[]): Promise<ClientAnswer>;
  /** The next change that a watch reported. */
  nextChange(): Promise<WatchedChange>;
  close(): Promise<void>;
}

/** Writes the published identity files below `home` and starts the client on them. */
export async function startPublishedClient(
  python: string,
  home: string,
  vault: { readonly vaultId: string; readonly apiUrl: string },
  machine: Identity,
): Promise<PublishedClient> {
  const directory = join(home, 'vaults', vault.vaultId);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const privateKeyPath = join(directory, 'private.pem');
  await writeFile(privateKeyPath, machine.key.toPem().reveal(), { mode: 0o600 });
  const identity = { machineId: machine.id, machineName: 'test', vaultId: vault.vaultId, apiUrl: vault.apiUrl, privateKeyPath };
  await writeFile(join(directory, 'identity.json'), JSON.stringify(identity), { mode: 0o600 });
  const child = spawn(python, [script, vault.vaultId], { env: childEnvironment({ SIKKERKEY_HOME: home }) });
  return clientOf(child);
}

function clientOf(child: ChildProcessWithoutNullStreams): PublishedClient {
  const answers: ((answer: ClientAnswer) => void)[] = [];
  const changes: WatchedChange[] = [];
  const waiting: ((change: WatchedChange) => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line) as ClientAnswer & { readonly event?: WatchedChange };
    if (message.event === undefined) answers.shift()?.(message);
    else if (waiting.length > 0) waiting.shift()?.(message.event);
    else changes.push(message.event);
  });
  return {
    call: (method, ...args) =>
      new Promise((resolve) => {
        answers.push(resolve);
        child.stdin.write(`${JSON.stringify({ method, args })}\n`);
      }),
    nextChange: () =>
      new Promise((resolve) => {
        const change = changes.shift();
        if (change === undefined) waiting.push(resolve);
        else resolve(change);
      }),
    close: async () => {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}
