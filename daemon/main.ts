/**
 * The program `sikkerkeyd`. Checks the Node version before anything native is loaded, since an older one would crash
 * there without a word; everything else is in run.ts.
 */
import { endProcess, setExitCode } from '@sikkerkey/host/process-end.ts';
import { readArguments, usage } from './arguments.ts';

const needed = [24, 15] as const;

function isNodeTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < needed[0] || (major === needed[0] && minor < needed[1]);
}

async function main(): Promise<void> {
  const words = readArguments(process.argv.slice(2));
  if (words === null) {
    process.stderr.write(usage);
    setExitCode(2);
    return;
  }
  if (isNodeTooOld(process.versions.node)) {
    process.stderr.write(`error: sikkerkeyd needs Node.js ${needed.join('.')} or newer; this is ${process.versions.node}\n`);
    setExitCode(1);
    return;
  }
  const { daemonVersion } = await import('./version.ts');
  if (words.show !== null) {
    process.stdout.write(words.show === 'help' ? usage : `sikkerkeyd ${daemonVersion}\n`);
    return;
  }
  const [{ runDaemon }, { showStartFailure }] = await Promise.all([import('./run.ts'), import('./start-failure.ts')]);
  try {
    await runDaemon(words);
    endProcess(0);
  } catch (error) {
    endProcess(showStartFailure(error, (text) => process.stderr.write(text)));
  }
}

await main();
