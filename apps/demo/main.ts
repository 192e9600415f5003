/** Entry of the demo: `npm run demo -- [--minutes N] [--every SECONDS] [--json]`. */
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { endProcess } from '@sikkerkey/host/process-end.ts';
import { type DemoOptions, parseCommandLine, usage } from './command-line.ts';
import { runDemo } from './demo.ts';
import { reportLines } from './report.ts';
import { coloured, plain } from './screen/style.ts';
import { DemoTerminal } from './screen/terminal.ts';

const usageExit = 2;

/** Aborts with the first request to end; later ones change nothing, since ending is what is being done. */
function interruption(): AbortController {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort());
  return interrupted;
}

async function run(options: DemoOptions): Promise<number> {
  const interrupted = interruption();
  const terminal = new DemoTerminal(process.stdout, () => interrupted.abort());
  const style = terminal.isScreen && !readEnvironment().noColor ? coloured : plain;
  process.on('exit', () => terminal.restore());
  const { result, troubles, failure } = await runDemo(options, terminal, style, interrupted.signal);
  if (failure !== null) {
    terminal.print(style.bad(`✖ ${failure.message}`));
    for (const line of failure.lines) terminal.print(style.dim(`  ${line}`));
  }
  // What broke down before the application began to work has nothing else to report.
  const hasWorked = result.loginsTried > 0 || failure === null;
  for (const line of hasWorked ? reportLines(result, troubles, style) : []) terminal.print(line);
  if (options.json) terminal.print(JSON.stringify(result));
  return result.ok ? 0 : 1;
}

async function exitCodeOf(args: readonly string[]): Promise<number> {
  const parsed = parseCommandLine(args);
  if (parsed.kind === 'run') return run(parsed.options);
  if (parsed.kind === 'help') {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  process.stderr.write(`error: ${parsed.reason}\n\n${usage}\n`);
  return usageExit;
}

endProcess(await exitCodeOf(process.argv.slice(2)));
