/** Runs one command of `sikkerkey-vault`; its exit code is the catalogue's (ux.md §4.4). */
import { vaultVersion } from '../version.ts';
import { type Command, readCommandLine } from './command-line.ts';
import { helpText } from './help.ts';
import { describeFailure } from './show-failure.ts';
import { openTerminal, type Terminal } from './terminal.ts';

const usageExit = 2;

/** Never rejects: a failure is shown and becomes the exit code. */
export async function runProgram(words: readonly string[]): Promise<number> {
  const terminal = openTerminal();
  let dataDirectory: string | null = null;
  try {
    const command = readCommandLine(words);
    if ('dataDirectory' in command) ({ dataDirectory } = command);
    return await run(command, terminal);
  } catch (error) {
    const { text, exitCode } = describeFailure(error, { dataDirectory, cells: terminal.complaintColumns });
    terminal.complain(text);
    return exitCode;
  }
}

/** What a command needs is loaded with it, so that a short one starts fast. */
async function run(command: Command, terminal: Terminal): Promise<number> {
  switch (command.kind) {
    case 'help':
      // Nothing was asked for: the same exit code as any other command line that says too little.
      if (command.asked) await terminal.print(helpText(command.topic, terminal.columns));
      else terminal.complain(helpText(command.topic, terminal.columns));
      return command.asked ? 0 : usageExit;
    case 'version':
      await terminal.print(vaultVersion);
      return 0;
    case 'init':
      await (await import('./init.ts')).initialiseVault(command, terminal);
      return 0;
    case 'operator-create':
      await (await import('./operator-create.ts')).createOperator(command, terminal);
      return 0;
    case 'serve':
      await (await import('./serve.ts')).serve(command, terminal);
      return 0;
    case 'unseal':
    case 'seal':
    case 'status':
      await (await import('./ask-serving.ts')).askServingVault(command, terminal);
      return 0;
    case 'audit-verify':
      return (await import('./audit-verify.ts')).verifyAuditLog(command, terminal);
    default:
      throw new RangeError(command satisfies never);
  }
}
