/** Makes a developer's vault in a directory of the demo and serves it on a free port of this machine. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { freePort } from '@sikkerkey/local-servers/free-port.ts';
import { ChildProgram, DemoFailure } from './child-program.ts';

const file = fileURLToPath(new URL('../../vault-server/main.ts', import.meta.url));
const readyTimeoutMs = 20_000;

export interface RunningVault {
  readonly program: ChildProgram;
  readonly apiUrl: string;
  readonly vaultId: string;
  readonly operatorId: string;
  /** Private file with the first operator's key. */
  readonly operatorKeyFile: string;
}

/** Throws DemoFailure. `onStart` hears of the process before it is ready. */
export async function startVault(
  directory: string,
  environment: Readonly<Record<string, string>>,
  onStart: (program: ChildProgram) => void,
): Promise<RunningVault> {
  const data = join(directory, 'vault');
  const unsealKeyFile = join(directory, 'unseal-key');
  const operatorKeyFile = join(directory, 'operator-key');
  const made = await initialise(
    ['init', '--data', data, '--key-file', unsealKeyFile, '--operator-key-file', operatorKeyFile, '--json'],
    environment,
  );
  const listen = `localhost:${await freePort()}`;
  const { promise: ready, resolve } = Promise.withResolvers<string>();
  const program = new ChildProgram({
    name: 'vault',
    file,
    args: ['serve', '--data', data, '--listen', listen, '--auto-unseal-file', unsealKeyFile, '--log-level', 'warn', '--json'],
    environment,
    onLine: (line) => {
      const apiUrl = readyUrlOf(line);
      if (apiUrl !== null) resolve(apiUrl);
    },
  });
  onStart(program);
  const apiUrl = await firstOf(program, ready);
  return { program, apiUrl, operatorKeyFile, ...made };
}

async function initialise(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ vaultId: string; operatorId: string }> {
  const lines: string[] = [];
  const program = new ChildProgram({ name: 'vault init', file, args, environment, input: '', onLine: (line) => lines.push(line) });
  const { code } = await program.ended;
  if (code !== 0) throw new DemoFailure('the vault could not be made', program.complaints);
  const { vaultId, operatorId } = JSON.parse(lines.join('\n')) as { vaultId: string; operatorId: string };
  return { vaultId, operatorId };
}

/** What was waited for, or a failure when the program ends or takes too long. */
async function firstOf(program: ChildProgram, ready: Promise<string>): Promise<string> {
  const over = new AbortController();
  const failure = Promise.race([
    program.ended.then(() => 'ended before it was ready'),
    systemClock.sleep(readyTimeoutMs, over.signal).then(
      () => 'was not ready in time',
      () => 'was waited for no longer',
    ),
  ]);
  const outcome = await Promise.race([ready.then((url) => ({ url })), failure.then((reason) => ({ reason }))]);
  over.abort();
  if ('url' in outcome) return outcome.url;
  throw new DemoFailure(`the vault ${outcome.reason}`, program.complaints);
}

function readyUrlOf(line: string): string | null {
  try {
    const parsed = JSON.parse(line) as { event?: unknown; apiUrl?: unknown };
    return parsed.event === 'ready' && typeof parsed.apiUrl === 'string' ? parsed.apiUrl : null;
  } catch {
    return null;
  }
}
