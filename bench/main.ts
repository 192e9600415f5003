/** `npm run bench -- NAME [--quick]`: one measurement of the shipped programs; exit code 1 when a promise is missed. */
import { parseArgs } from 'node:util';
import { setExitCode } from '@sikkerkey/host/process-end.ts';
import { benches } from './benches.ts';
import { type Bench, describeDisturbance, formatJson, formatTable, machineLoad } from './support/measurement.ts';
import { showProgress, writeLine } from './support/terminal.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { quick: { type: 'boolean', default: false } } });
const wanted = benches.find((bench) => bench.name === positionals[0]);

/** The exit code: 0 when every promise held. */
async function measure(bench: Bench): Promise<number> {
  const loadBefore = machineLoad();
  const rows = await bench.run({ quick: values.quick, progress: showProgress });
  writeLine(`\n${bench.name}: ${bench.summary}\n`);
  writeLine(formatTable(rows));
  const disturbance = describeDisturbance(loadBefore);
  writeLine(disturbance === null ? '' : `\n${disturbance}\n`);
  writeLine(formatJson(bench.name, rows, loadBefore));
  return rows.some((row) => row.holds === false) ? 1 : 0;
}

if (wanted === undefined || positionals.length !== 1) {
  writeLine('usage: npm run bench -- NAME [--quick]');
  for (const bench of benches) writeLine(`  ${bench.name.padEnd(16)} ${bench.summary}`);
  setExitCode(2);
} else {
  try {
    setExitCode(await measure(wanted));
  } catch (error) {
    showProgress(`error: ${wanted.name} could not be measured: ${error instanceof Error ? error.message : 'for an unknown reason'}`);
    setExitCode(1);
  }
}
