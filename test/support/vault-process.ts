/**
 * A real vault for tests: the program itself, in a directory that is thrown away, on a port that stays its own.
 * `enrolledMachine` takes a machine through the same steps as a person would.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { generateSigningKey, signingKeyFromSeed } from '@sikkerkey/core/identity/signing-key.ts';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { freePort } from '@sikkerkey/local-servers/free-port.ts';
import { enrollRoute } from '@sikkerkey/protocol/vault/machine.ts';
import { compiledCode } from './compiled-code.ts';
import { asOperator, type Identity, plainRequest } from './signed-request.ts';
import type { StoreFault } from './store-faults.ts';

/** Path of the program's entry. */
export const vaultProgram = fileURLToPath(new URL('../../apps/vault-server/main.ts', import.meta.url));

export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command of sikkerkey-vault to its end; the exit code is null where a signal ended it. */
export function vaultCommand(words: readonly string[], input = ''): Promise<CommandResult> {
  return runNode([vaultProgram, ...words], input);
}

/** The same while this happens to its store. */
export function vaultCommandUnder(fault: StoreFault, words: readonly string[]): Promise<CommandResult> {
  const faults = new URL('store-faults.ts', import.meta.url);
  faults.searchParams.set('fault', fault);
  return runNode(['--import', faults.href, vaultProgram, ...words], '');
}

async function runNode(words: readonly string[], input: string): Promise<CommandResult> {
  const child = spawn(process.execPath, words, { stdio: 'pipe', env: childEnvironment(compiledCode) });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  child.stdin.end(input);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stdout: stdout(), stderr: stderr() };
}

export interface TestVault {
  readonly apiUrl: string;
  readonly vaultId: string;
  readonly dataDirectory: string;
  readonly unsealKeyFile: string;
  readonly operator: Identity;
  readonly processId: number;
  /** What the process wrote to standard error so far. */
  log(): string;
  /** Ends the process and starts another on the same data and port. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** Ends the process, does this, and starts another on the same data and port. */
  whileStopped(work: () => Promise<void>): Promise<void>;
  /** Ends the process and removes its data. */
  stop(): Promise<void>;
}

/** Options of `serve` beyond data, port and automatic unsealing. */
export async function startVault(options: { readonly serve?: readonly string[]; readonly sealed?: boolean } = {}): Promise<TestVault> {
  const directory = await mkdtemp(join(tmpdir(), 'sikkerkey-vault-'));
  const dataDirectory = join(directory, 'data');
  const unsealKeyFile = join(directory, 'unseal.key');
  const made = await vaultCommand(['init', '--data', dataDirectory, '--key-file', unsealKeyFile, '--json']);
  if (made.exitCode !== 0) throw new Error(`init failed: ${made.stderr}`);
  const { vaultId, operatorId, operatorKey } = JSON.parse(made.stdout) as Record<'vaultId' | 'operatorId' | 'operatorKey', string>;
  const operator: Identity = { kind: 'operator', id: operatorId, key: signingKeyFromSeed(Buffer.from(operatorKey, 'base64')) };
  const extra = [...(options.sealed ? [] : ['--auto-unseal-file', unsealKeyFile]), ...(options.serve ?? [])];
  const words = (port: string): string[] => ['serve', '--data', dataDirectory, '--listen', `localhost:${port}`, '--json', ...extra];
  let running = await startServing(words(String(await freePort())));
  const { apiUrl } = running;
  return {
    apiUrl,
    vaultId,
    dataDirectory,
    unsealKeyFile,
    operator,
    get processId() {
      return running.child.pid ?? 0;
    },
    log: () => running.log(),
    restart: async (signal = 'SIGTERM') => {
      await end(running.child, signal);
      running = await startServing(words(new URL(apiUrl).port));
    },
    whileStopped: async (work) => {
      await end(running.child, 'SIGTERM');
      await work();
      running = await startServing(words(new URL(apiUrl).port));
    },
    stop: async () => {
      await end(running.child, 'SIGTERM');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface Serving {
  readonly child: ChildProcess;
  readonly apiUrl: string;
  log(): string;
}

async function startServing(words: readonly string[]): Promise<Serving> {
  const child = spawn(process.execPath, [vaultProgram, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: childEnvironment(compiledCode),
  });
  const log = collect(child.stderr);
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the vault did not start: ${log()}`);
  });
  const ready = await Promise.race([once(lines, 'line'), ended]);
  ended.catch(() => undefined);
  return { child, apiUrl: (JSON.parse(String(ready[0])) as { apiUrl: string }).apiUrl, log };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}

/** Token → key → enrollment; the machine is pending. */
export async function enrolledMachine(vault: TestVault, projectIds: readonly string[] = []): Promise<Identity> {
  const { token } = await asOperator(vault.apiUrl, vault.operator, 'createBootstrapToken', { projectIds: [...projectIds] });
  const key = generateSigningKey(systemRandom);
  const body = JSON.stringify({ token, publicKey: key.publicKeyBase64, hostname: 'test-host' });
  const answer = await plainRequest(vault.apiUrl, 'POST', enrollRoute.path, body);
  const { machineId } = enrollRoute.answer.parse(JSON.parse(answer.text));
  return { kind: 'machine', id: machineId, key };
}

/** Enrolled and approved. */
export async function approvedMachine(vault: TestVault, projectIds: readonly string[] = []): Promise<Identity> {
  const machine = await enrolledMachine(vault, projectIds);
  await asOperator(vault.apiUrl, vault.operator, 'approveMachine', { machineId: machine.id });
  return machine;
}

export async function readUnsealKey(vault: TestVault): Promise<string> {
  return (await readFile(vault.unsealKeyFile, 'utf8')).trim();
}
