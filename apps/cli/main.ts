/** Entry of the program `sikkerkey`. */
import { setExitCode } from '@sikkerkey/host/process-end.ts';
import { runCommandLine } from './run.ts';
import { openTerminal } from './terminal.ts';

void runCommandLine(process.argv.slice(2), openTerminal()).then(setExitCode);
