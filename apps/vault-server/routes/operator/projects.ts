/** Operators: the vault's own status, projects, audit. */
import { done } from '../../request-check/refusal.ts';
import { vaultVersion } from '../../version.ts';
import type { OperatorHandlers } from './operator-handlers.ts';

const auditPage = 50;

export const projectHandlers: OperatorHandlers<'status' | 'createProject' | 'listProjects' | 'audit'> = {
  status: async (vault, caller) => {
    const counts = done(await vault.storage.status({ caller }), 'operator');
    return { vaultId: vault.settings.vaultId, version: vaultVersion, operatorId: caller.id, ...counts };
  },
  createProject: async (vault, caller, { name }) =>
    done(await vault.storage.createProject({ caller, name, wrapKey: vault.keyring.createProjectKey }), 'project'),
  listProjects: async (vault, caller) => ({ projects: done(await vault.storage.listProjects({ caller }), 'project') }),
  audit: async (vault, caller, { before = null, limit = auditPage, secretId = null }) => ({
    entries: done(await vault.storage.auditEntries({ caller, before, limit, secretId }), 'secret'),
  }),
};
