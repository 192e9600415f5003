/** The functions that fill and seal a version while the store makes it (`SealNewVersion`). */
import { generatePassword } from '@sikkerkey/core/generate-password.ts';
import type { SecretText } from '@sikkerkey/core/secret-text.ts';
import type { NewManagedVersion, SealNewVersion } from '../storage/records.ts';
import type { VaultParts } from '../vault-parts.ts';
import { managedValue } from './secret-value.ts';

/** Generates the password of a pending version. An ordinary secret never gets here: its versions come with a value. */
export function sealGenerated(vault: Pick<VaultParts, 'keyring' | 'random'>): SealNewVersion {
  return (version) => {
    const login = managedLogin(version.managed);
    const password = generatePassword({ charset: 'managed', length: login.passwordLength }, vault.random);
    return vault.keyring.sealValue(version, managedValue(login, password));
  };
}

/** Seals a value that an operator gave. */
export function sealGiven(vault: Pick<VaultParts, 'keyring'>, value: SecretText): SealNewVersion {
  return (version) => vault.keyring.sealValue(version, value);
}

/** Seals the login of a managed secret as it is today. */
export function sealLogin(vault: Pick<VaultParts, 'keyring'>, password: SecretText): SealNewVersion {
  return (version) => vault.keyring.sealValue(version, managedValue(managedLogin(version.managed), password));
}

function managedLogin(managed: NewManagedVersion | null): NewManagedVersion {
  if (managed === null) throw new Error('the store asks for a generated value of an ordinary secret');
  return managed;
}
