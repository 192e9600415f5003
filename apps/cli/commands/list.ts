/** `list secrets` and `list vaults`: what this machine may read, and where it is enrolled. No value is read. */
import { wrapWords } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import { padToWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';

export const listSecrets: Command = {
  run: async (_input, context) => {
    const { withSdk } = await import('../read-secrets.ts');
    const secrets = await withSdk(context, 'the list of secrets', (sikkerkey) => sikkerkey.listSecrets());
    if (context.json) context.printJson({ secrets });
    else if (secrets.length === 0) context.terminal.print('no secrets available');
    else {
      const byProject = Map.groupBy(secrets, ({ projectId }) => projectId ?? '');
      for (const [projectId, members] of byProject) {
        context.terminal.print(`  [${projectId === '' ? 'no project' : safeText(projectId)}]`);
        for (const { id, name, fieldNames } of members) {
          printRow(context, `    ${padToWidth(safeText(id), 20)}  ${safeText(name)}${fieldNames === null ? '' : '  [structured]'}`, 6);
        }
      }
    }
    return 0;
  },
};

export const listVaults: Command = {
  run: async (_input, context) => {
    const { vaults } = await (await context.connect()).call('identity.list', {});
    if (context.json) context.printJson({ vaults });
    else if (vaults.length === 0) context.terminal.print('no vaults found');
    else for (const { vaultId, apiUrl } of vaults) printRow(context, `  ${vaultId}  ${safeText(apiUrl)}`, 4);
    return 0;
  },
};

/** The published line; where the terminal is narrower, what has no room beside the id stands below it, `hang` cells in. */
function printRow({ terminal }: Context, row: string, hang: number): void {
  for (const line of wrapWords(row, terminal.columns, hang)) terminal.print(line.trimEnd());
}
