/** `list secrets` and `list vaults`: what this machine may read, and where it is enrolled. No value is read. */
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import { padToWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';
import type { Command } from '../command.ts';

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
          context.terminal.print(`    ${padToWidth(safeText(id), 20)}  ${safeText(name)}${fieldNames === null ? '' : '  [structured]'}`);
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
    else for (const { vaultId, apiUrl } of vaults) context.terminal.print(`  ${vaultId}  ${safeText(apiUrl)}`);
    return 0;
  },
};
