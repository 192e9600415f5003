/** An operator made on the vault's own host: an id and a key pair, in memory only until they are handed out. */
import { generateSigningKey } from '@sikkerkey/core/identity/signing-key.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { newIdentifier } from '../storage/sqlite/identifiers.ts';

export interface NewOperator {
  readonly operatorId: string;
  readonly operatorPublicKey: Uint8Array;
  /** Standard base64 of the 32-byte Ed25519 seed: what `sikkerkey admin login` takes. */
  readonly operatorKey: SecretText;
}

export function newOperator(): NewOperator {
  const key = generateSigningKey(systemRandom);
  return {
    operatorId: newIdentifier(systemRandom, 'op_'),
    operatorPublicKey: Buffer.from(key.publicKeyBase64, 'base64'),
    operatorKey: new SecretText(Buffer.from(key.seed().reveal()).toString('base64')),
  };
}
