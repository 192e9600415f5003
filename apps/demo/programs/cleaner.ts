/**
 * Makes sure that nothing stays behind even when the demo is killed outright: a small shell holds the read end of a pipe
 * whose write end only the demo has. When the pipe closes without the word `done`, it ends what was named to it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { childEnvironment } from '@sikkerkey/host/environment.ts';

const script = `
pids=
while read -r word; do
  [ "$word" = done ] && exit 0
  pids="$pids $word"
done
[ -n "$pids" ] && kill $pids 2>/dev/null
sleep 2
[ -n "$pids" ] && kill -9 $pids 2>/dev/null
sleep 1
rm -rf -- "$1"
`;

export class Cleaner {
  readonly #shell: ChildProcess;

  /** @param directory removed with everything in it, if the demo cannot do so itself */
  constructor(directory: string) {
    this.#shell = spawn('/bin/sh', ['-c', script, 'sh', directory], {
      detached: true,
      cwd: '/',
      env: childEnvironment(),
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#shell.on('error', () => undefined);
    this.#shell.stdin?.on('error', () => undefined);
    this.#shell.unref();
  }

  watch(pid: number | null): void {
    if (pid !== null) this.#shell.stdin?.write(`${pid}\n`);
  }

  /** Everything was ended in order. Resolves when the shell is gone too. */
  async done(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.pid === undefined) return;
    const gone = new Promise((resolve) => this.#shell.once('close', resolve));
    this.#shell.ref();
    this.#shell.stdin?.end('done\n');
    await gone;
  }
}
