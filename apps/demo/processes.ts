/** Everything that the demo started and must not leave behind: programs, the database server, one private directory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalPostgresql } from '@sikkerkey/local-servers/postgresql/start.ts';
import type { ChildProgram } from './programs/child-program.ts';
import { Cleaner } from './programs/cleaner.ts';

/** Whoever uses another one ends before it does. */
export type Tier = 'users' | 'daemon' | 'vault';
const tiers: readonly Tier[] = ['users', 'daemon', 'vault'];

/** A Unix socket below the directory must fit its address (about 100 bytes). */
const longestBase = 40;

export class Processes {
  readonly directory: string;
  readonly #cleaner: Cleaner;
  readonly #programs: { readonly program: ChildProgram; readonly tier: Tier }[] = [];
  readonly #servers: LocalPostgresql[] = [];

  private constructor(directory: string) {
    this.directory = directory;
    this.#cleaner = new Cleaner(directory);
  }

  static async create(): Promise<Processes> {
    const base = tmpdir().length > longestBase ? '/tmp' : tmpdir();
    return new Processes(await mkdtemp(join(base, 'sk-demo-')));
  }

  /** Stands for `~/.sikkerkey` of the demo's daemon and application. */
  get homeDirectory(): string {
    return join(this.directory, 'home');
  }

  /**
   * What every program of the demo is given. The command line program is started a dozen times from source: compiled
   * once, it starts in a third of the time.
   */
  get environment(): Readonly<Record<string, string>> {
    return { SIKKERKEY_HOME: this.homeDirectory, NODE_COMPILE_CACHE: join(this.directory, 'compiled') };
  }

  keep(program: ChildProgram, tier: Tier): void {
    this.#programs.push({ program, tier });
    this.#cleaner.watch(program.pid);
  }

  keepServer(server: LocalPostgresql): void {
    this.#servers.push(server);
  }

  /** The first program that ended by itself, if one did. */
  get failed(): ChildProgram | undefined {
    return this.#programs.find(({ program }) => program.failed)?.program;
  }

  /** Ends everything and removes the directory. */
  async end(): Promise<void> {
    for (const tier of tiers) {
      await Promise.all(this.#programs.filter((kept) => kept.tier === tier).map(({ program }) => program.stop()));
    }
    await Promise.all(this.#servers.map((server) => server.stop()));
    await rm(this.directory, { recursive: true, force: true });
    await this.#cleaner.done();
  }
}
