/**
 * The programs as a person runs them, from source: a vault, a daemon, a database that logs every statement, and the
 * commands. Everything that any of them prints is kept, and processes are looked at while each command runs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { type LocalPostgresql, startPostgresql } from '@sikkerkey/local-servers/postgresql/start.ts';
import { processesNow, type Sink } from './sinks.ts';

const root = join(import.meta.dirname, '..', '..');
const cliFile = join(root, 'apps/cli/main.ts');
const vaultFile = join(root, 'apps/vault-server/main.ts');
const daemonFile = join(root, 'daemon/main.ts');

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

export interface RunOptions {
  /** Text for standard input: the way that a secret is given. */
  readonly input?: string;
  /** A secret is what this command prints on purpose: its output is no sink. */
  readonly printsASecret?: boolean;
}

export class Stage {
  readonly directory = mkdtempSync(join(tmpdir(), 'sikkerkey-canary-'));
  readonly home = join(this.directory, 'home');
  readonly vaultDirectory = join(this.directory, 'vault');
  /** What the test itself writes: secrets on their way in. No sink. */
  readonly givenDirectory = mkdtempSync(join(tmpdir(), 'sikkerkey-given-'));
  readonly #printed: Sink[] = [];
  readonly #seen: Sink[] = [];
  readonly #children: ChildProcess[] = [];
  #database: LocalPostgresql | null = null;

  get database(): LocalPostgresql {
    if (this.#database === null) throw new Error('the database has not been started');
    return this.#database;
  }

  /** What was printed, and what the processes showed of themselves. */
  get printedAndSeen(): readonly Sink[] {
    return [...this.#printed, ...this.#seen];
  }

  async startDatabase(): Promise<void> {
    this.#database = await startPostgresql({ settings: { log_statement: 'all', log_min_duration_statement: '0' } });
  }

  give(name: string, content: string): string {
    const path = join(this.givenDirectory, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }

  sikkerkey(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return this.#run('sikkerkey', cliFile, args, options);
  }

  vault(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return this.#run('sikkerkey-vault', vaultFile, args, options);
  }

  /** Starts the vault; resolves with its address. */
  async serve(extra: readonly string[]): Promise<string> {
    const args = ['serve', '--data', this.vaultDirectory, '--listen', 'localhost:0', '--log-level', 'debug', '--json', ...extra];
    const child = this.#start('sikkerkey-vault serve', vaultFile, args);
    for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
      const said: unknown = line.startsWith('{') ? JSON.parse(line) : null;
      if (said !== null && typeof said === 'object' && 'apiUrl' in said && typeof said.apiUrl === 'string') return said.apiUrl;
    }
    throw new Error('the vault ended before it listened');
  }

  startDaemon(): void {
    this.#start('sikkerkeyd', daemonFile, ['--home', this.home, '--foreground']);
  }

  look(): void {
    this.#seen.push(...processesNow());
  }

  async stopPrograms(): Promise<void> {
    for (const child of this.#children.splice(0).reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
  }

  async end(): Promise<void> {
    await this.stopPrograms();
    await this.#database?.stop();
    rmSync(this.directory, { recursive: true, force: true });
    rmSync(this.givenDirectory, { recursive: true, force: true });
  }

  #start(name: string, file: string, args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [file, ...args], {
      env: childEnvironment({ SIKKERKEY_HOME: this.home }),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    child.stdout.on('data', (bytes: Buffer) => this.#printed.push({ name: `standard output of ${name}`, bytes }));
    child.stderr.on('data', (bytes: Buffer) => this.#printed.push({ name: `standard error of ${name}`, bytes }));
    return child;
  }

  async #run(program: string, file: string, args: readonly string[], options: RunOptions): Promise<Ended> {
    const child = spawn(process.execPath, [file, ...args], {
      env: childEnvironment({ SIKKERKEY_HOME: this.home }),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => chunks.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => chunks.push(bytes));
    child.stdin.end(options.input ?? '');
    this.look();
    const [code] = (await once(child, 'close')) as [number | null];
    const bytes = Buffer.concat(chunks);
    if (options.printsASecret !== true) this.#printed.push({ name: `output of ${program} ${args.slice(0, 3).join(' ')}`, bytes });
    return { code, output: bytes.toString() };
  }
}
