/** `npm run check`: everything that can be said about the code without running it. */
import { setExitCode } from '@sikkerkey/host/process-end.ts';
import { runChecks } from './run-checks.ts';
import { count, writeLine } from './terminal.ts';

const { passed, failed } = await runChecks();
writeLine(failed === 0 ? `${count(passed, 'check')} passed` : `${count(failed, 'check')} failed, ${passed} passed`);
if (failed > 0) setExitCode(1);
