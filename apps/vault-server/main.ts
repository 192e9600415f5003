/** Entry of the program `sikkerkey-vault`. Checks the Node version before anything native is loaded. */
import { endProcess } from '@sikkerkey/host/process-end.ts';

const needed = [24, 15] as const;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  process.stderr.write(`error: sikkerkey-vault needs Node.js ${needed.join('.')} or newer; this is ${process.versions.node}\n`);
  endProcess(1);
}
const { runProgram } = await import('./program/run.ts');
endProcess(await runProgram(process.argv.slice(2)));
