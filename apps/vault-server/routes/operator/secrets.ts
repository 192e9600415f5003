/** Operators make, change, list and schedule secrets. */
import { defaultPasswordLength } from '@sikkerkey/core/generate-password.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { OperatorBody } from '@sikkerkey/protocol/vault/operator.ts';
import { done } from '../../request-check/refusal.ts';
import type { NewManagedSecret } from '../../storage/storage.ts';
import type { VaultParts } from '../../vault-parts.ts';
import { sealGiven, sealLogin } from '../seal-version.ts';
import { ordinaryValue } from '../secret-value.ts';
import type { OperatorHandlers } from './operator-handlers.ts';

const dayMs = 86_400_000;
/** How long a reader that names no instance may go on using what it read. */
const defaultDrainDeadlineMs = dayMs;
/** How long retired values stay sealed, for the day that a backup of the database is restored (rotation-protocol.md rule 7). */
const defaultBackupHorizonMs = 35 * dayMs;

type SecretRoutes =
  | 'createSecret'
  | 'createManagedSecret'
  | 'listSecrets'
  | 'showSecret'
  | 'updateSecret'
  | 'rollbackSecret'
  | 'deleteSecret'
  | 'listVersions'
  | 'setSchedule';

export const secretHandlers: OperatorHandlers<SecretRoutes> = {
  createSecret: async (vault, caller, { projectId, name, ...given }) => {
    const { value, fieldNames } = ordinaryValue(given, vault.random);
    return done(
      await vault.storage.createSecret({ caller, projectId, name, fieldNames, seal: sealGiven(vault, value) }),
      'project',
      'secret',
    );
  },
  createManagedSecret: async (vault, caller, body) => {
    const secret = managedSecretOf(vault, body);
    const seal = sealLogin(vault, new SecretText(body.password));
    return done(await vault.storage.createManagedSecret({ caller, ...secret, seal }), 'project', 'secret');
  },
  listSecrets: async (vault, caller, { projectId = null }) => ({
    secrets: done(await vault.storage.listSecrets({ caller, projectId }), 'project'),
  }),
  showSecret: async (vault, caller, { secretId }) => done(await vault.storage.showSecret({ caller, secretId }), 'secret'),
  updateSecret: async (vault, caller, { secretId, ...given }) => {
    const { value, fieldNames } = ordinaryValue(given, vault.random);
    return done(await vault.storage.updateSecret({ caller, secretId, fieldNames, seal: sealGiven(vault, value) }), 'secret');
  },
  rollbackSecret: async (vault, caller, { secretId, version }) =>
    done(await vault.storage.rollbackSecret({ caller, secretId, version, reseal: vault.keyring.resealValue }), 'secret'),
  deleteSecret: async (vault, caller, { secretId }) => {
    done(await vault.storage.deleteSecret({ caller, secretId }), 'secret');
    return {};
  },
  listVersions: async (vault, caller, { secretId }) => ({
    versions: done(await vault.storage.listVersions({ caller, secretId }), 'secret'),
  }),
  setSchedule: async (vault, caller, { secretId, intervalMs, drainDeadlineMs = null }) =>
    done(await vault.storage.setSchedule({ caller, secretId, intervalMs, drainDeadlineMs }), 'secret'),
};

/** Throws `request-field-invalid` where the administrator is the login that is to be managed: it would lock itself out. */
function managedSecretOf(vault: VaultParts, body: OperatorBody<'createManagedSecret'>): NewManagedSecret {
  const { projectId, name, provider, username, host, port, database, admin } = body;
  if (admin?.user === username) throw new CatalogueError('request-field-invalid', { field: 'admin.user' });
  if (!body.password.isWellFormed()) throw new CatalogueError('request-field-invalid', { field: 'password' });
  if (admin?.password.isWellFormed() === false) throw new CatalogueError('request-field-invalid', { field: 'admin.password' });
  const adminPassword = admin === undefined ? null : new SecretText(admin.password);
  return {
    projectId,
    name,
    provider,
    username,
    host,
    port,
    database,
    tls: body.tls ?? 'verify-full',
    adminUser: admin?.user ?? null,
    sealAdmin: adminPassword === null ? null : (target) => vault.keyring.sealAdministrator(target, adminPassword),
    intervalMs: body.intervalMs ?? null,
    drainDeadlineMs: body.drainDeadlineMs ?? defaultDrainDeadlineMs,
    backupHorizonMs: body.backupHorizonMs ?? defaultBackupHorizonMs,
    passwordLength: body.length ?? defaultPasswordLength,
  };
}
