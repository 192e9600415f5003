/** `sikkerkey-vault init`: makes a vault, its root key and its first operator, and hands both keys out once. */
import { generatePassword } from '@sikkerkey/core/generate-password.ts';
import { generateSigningKey } from '@sikkerkey/core/identity/signing-key.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { CheckpointLog } from '../audit/checkpoints.ts';
import { asPathFailure } from '../path-failure.ts';
import { NewKeyFiles } from '../sealing/key-file.ts';
import { Keyring } from '../sealing/keyring.ts';
import { createRootKey } from '../sealing/root-key.ts';
import { formatUnsealKey } from '../sealing/unseal-key.ts';
import { newIdentifier } from '../storage/sqlite/identifiers.ts';
import type { Storage } from '../storage/storage.ts';
import type { InitCommand } from './command-line.ts';
import { checkpointsFile, openStore, prepareDataDirectory } from './data-directory.ts';
import { fitted } from './fitted-text.ts';
import type { Terminal } from './terminal.ts';

const vaultIdLength = 12;
const firstOperator = 'first operator';

interface NewVault {
  readonly vaultId: string;
  readonly rootKeyVerifier: Uint8Array;
  readonly keyring: Keyring;
  readonly unsealKey: SecretText;
  readonly operatorId: string;
  readonly operatorPublicKey: Uint8Array;
  /** Standard base64 of the 32-byte Ed25519 seed: what `sikkerkey admin login` takes. */
  readonly operatorKey: SecretText;
}

/**
 * Throws `vault-exists` and changes nothing where the directory holds a vault already. The keys are out, in their files
 * and on standard output, before the vault is made: a vault whose keys nobody has could never be opened or made again.
 */
export async function initialiseVault(command: InitCommand, terminal: Terminal): Promise<void> {
  await prepareDataDirectory(command.dataDirectory);
  const storage = await openStore(command.dataDirectory);
  try {
    if ((await storage.vault()) !== null) throw new CatalogueError('vault-exists', {});
    const made = newVault();
    const checkpoints = await openCheckpoints(command.dataDirectory, made.keyring);
    try {
      await makeVault(command, terminal, storage, made);
      // From the first entry on, a log that was cut to nothing is told from a new one.
      await checkpoints.write(await storage.auditHeads(), systemClock.now());
    } finally {
      await checkpoints.close();
    }
    if (!command.json) await terminal.print(whatNext(command, terminal.columns));
  } finally {
    await storage.close();
  }
}

/** In memory only. */
function newVault(): NewVault {
  const vaultId = `vault_${generatePassword({ charset: 'alphanumeric', length: vaultIdLength }, systemRandom).reveal().toLowerCase()}`;
  const { rootKey, verifier } = createRootKey(systemRandom, vaultId);
  const unsealKey = formatUnsealKey(rootKey);
  const keyring = new Keyring(vaultId, systemRandom);
  keyring.unseal(rootKey, verifier);
  const key = generateSigningKey(systemRandom);
  return {
    vaultId,
    rootKeyVerifier: verifier,
    keyring,
    unsealKey,
    operatorId: newIdentifier(systemRandom, 'op_'),
    operatorPublicKey: Buffer.from(key.publicKeyBase64, 'base64'),
    operatorKey: new SecretText(Buffer.from(key.seed().reveal()).toString('base64')),
  };
}

async function makeVault(command: InitCommand, terminal: Terminal, storage: Storage, made: NewVault): Promise<void> {
  const files = new NewKeyFiles();
  try {
    if (command.keyFile !== null) await files.write(command.keyFile, made.unsealKey);
    if (command.operatorKeyFile !== null) await files.write(command.operatorKeyFile, made.operatorKey);
    await terminal.print(command.json ? asJson(command, made) : asText(command, made));
    storage.useAuditKey(made.keyring.auditAuthenticator());
    const { vaultId, rootKeyVerifier, operatorId, operatorPublicKey } = made;
    const operator = { operatorId, operatorName: firstOperator, operatorPublicKey };
    const outcome = await storage.initialise({ vaultId, rootKeyVerifier, ...operator, now: systemClock.now() });
    if (outcome.kind === 'exists') throw new CatalogueError('vault-exists', {});
  } catch (error) {
    if (await isNotMade(storage, made.vaultId)) await files.takeBack();
    throw error;
  }
}

/** False also where the store cannot say: then the keys stay, for they may be the only ones. */
async function isNotMade(storage: Storage, vaultId: string): Promise<boolean> {
  const found = await storage.vault().catch(() => undefined);
  return found !== undefined && found?.vaultId !== vaultId;
}

async function openCheckpoints(dataDirectory: string, keyring: Keyring): Promise<CheckpointLog> {
  const path = checkpointsFile(dataDirectory);
  return CheckpointLog.open(path, keyring.checkpointKey()).catch((error: unknown) => {
    throw asPathFailure(path, error);
  });
}

/** Each key is either in its file or printed, never both. */
function asJson(command: InitCommand, { vaultId, operatorId, unsealKey, operatorKey }: NewVault): string {
  return JSON.stringify({
    vaultId,
    operatorId,
    ...(command.keyFile === null ? { unsealKey: unsealKey.reveal() } : { keyFile: command.keyFile }),
    ...(command.operatorKeyFile === null ? { operatorKey: operatorKey.reveal() } : { operatorKeyFile: command.operatorKeyFile }),
  });
}

function asText(command: InitCommand, { vaultId, operatorId, unsealKey, operatorKey }: NewVault): string {
  const lines = [
    `vault           ${vaultId}`,
    // A line of its own, so that a terminal of 80 columns does not break it.
    ...(command.keyFile === null ? ['unseal key', `  ${unsealKey.reveal()}`] : [`unseal key      in ${command.keyFile}`]),
    `first operator  ${operatorId}`,
    `operator key    ${command.operatorKeyFile === null ? operatorKey.reveal() : `in ${command.operatorKeyFile}`}`,
    '',
  ];
  return lines.join('\n');
}

/** Said last, since only now there is a vault. */
function whatNext(command: InitCommand, cells: number | null): string {
  const lines = [
    ...fitted('Keys that are shown here are shown once. Without the unseal key nobody can read this vault again.', cells),
    `Next: sikkerkey-vault serve --data ${command.dataDirectory}`,
  ];
  return lines.join('\n');
}
