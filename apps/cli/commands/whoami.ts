/** `whoami`: the identities of this machine, one block for each vault, in the published lines. */
import type { Command } from '../command.ts';
import { factLines } from '../table.ts';

const notFound = 5;

export const whoami: Command = {
  run: async (_input, context) => {
    const { vaults } = await (await context.connect()).call('identity.list', {});
    if (context.json) context.printJson({ vaults });
    else if (vaults.length === 0) {
      context.terminal.print('no vaults found');
      context.hint('next', 'sikkerkey enroll --api-url <url>');
    }
    if (vaults.length === 0) return context.json ? 0 : notFound;
    if (context.json) return 0;
    for (const vault of vaults) {
      const lines = factLines(
        [
          ['Machine ID', vault.machineId],
          ['Machine', vault.machineName],
          ['Vault', vault.vaultId],
          ['API', vault.apiUrl],
          ['Key', `${vault.fingerprint} (${vault.keyProtection})`],
          ['State', vault.machineState],
          ...(vault.operatorId === null ? [] : [['Operator', vault.operatorId] as const]),
        ],
        context.terminal.columns,
      );
      for (const line of lines) context.terminal.print(line);
    }
    return 0;
  },
};
