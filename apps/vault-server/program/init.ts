/** `sikkerkey-vault init`: makes a vault, its root key and its first operator, and hands both keys out once. */
import { generatePassword } from '@sikkerkey/core/generate-password.ts';
import { generateSigningKey } from '@sikkerkey/core/identity/signing-key.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { ensurePrivateDirectory, writePrivateFile } from '@sikkerkey/host/private-files.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { CheckpointLog } from '../audit/checkpoints.ts';
import { Keyring } from '../sealing/keyring.ts';
import { createRootKey } from '../sealing/root-key.ts';
import { formatUnsealKey } from '../sealing/unseal-key.ts';
import type { Storage } from '../storage/storage.ts';
import type { InitCommand } from './command-line.ts';
import { checkpointsFile, openStore } from './data-directory.ts';
import { fitted } from './fitted-text.ts';
import type { Terminal } from './terminal.ts';

const vaultIdLength = 12;
const firstOperator = 'first operator';

interface NewVault {
  readonly vaultId: string;
  readonly operatorId: string;
  readonly unsealKey: SecretText;
  /** Standard base64 of the 32-byte Ed25519 seed: what `sikkerkey admin login` takes. */
  readonly operatorKey: SecretText;
}

/** Throws `vault-exists` and changes nothing where the directory holds a vault already. */
export async function initialiseVault(command: InitCommand, terminal: Terminal): Promise<void> {
  await ensurePrivateDirectory(command.dataDirectory);
  const storage = await openStore(command.dataDirectory);
  try {
    const made = await makeVault(storage, command.dataDirectory);
    if (command.keyFile !== null) await writePrivateFile(command.keyFile, `${made.unsealKey.reveal()}\n`);
    if (command.operatorKeyFile !== null) await writePrivateFile(command.operatorKeyFile, `${made.operatorKey.reveal()}\n`);
    terminal.print(command.json ? asJson(command, made) : asText(command, made, terminal.columns));
  } finally {
    await storage.close();
  }
}

async function makeVault(storage: Storage, dataDirectory: string): Promise<NewVault> {
  const vaultId = `vault_${generatePassword({ charset: 'alphanumeric', length: vaultIdLength }, systemRandom).reveal().toLowerCase()}`;
  const { rootKey, verifier } = createRootKey(systemRandom, vaultId);
  const unsealKey = formatUnsealKey(rootKey);
  const keyring = new Keyring(vaultId, systemRandom);
  keyring.unseal(rootKey, verifier);
  storage.useAuditKey(keyring.auditAuthenticator());
  const key = generateSigningKey(systemRandom);
  const outcome = await storage.initialise({
    vaultId,
    rootKeyVerifier: verifier,
    operatorName: firstOperator,
    operatorPublicKey: Buffer.from(key.publicKeyBase64, 'base64'),
    now: systemClock.now(),
  });
  if (outcome.kind === 'exists') throw new CatalogueError('vault-exists', {});
  await writeFirstCheckpoint(storage, keyring, dataDirectory);
  const operatorKey = new SecretText(Buffer.from(key.seed().reveal()).toString('base64'));
  return { vaultId, operatorId: outcome.operatorId, unsealKey, operatorKey };
}

/** From the first entry on, a log that was cut to nothing is told from a new one. */
async function writeFirstCheckpoint(storage: Storage, keyring: Keyring, dataDirectory: string): Promise<void> {
  const checkpoints = await CheckpointLog.open(checkpointsFile(dataDirectory), keyring.checkpointKey());
  try {
    await checkpoints.write(await storage.auditHeads(), systemClock.now());
  } finally {
    await checkpoints.close();
  }
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

function asText(command: InitCommand, { vaultId, operatorId, unsealKey, operatorKey }: NewVault, cells: number | null): string {
  const lines = [
    `vault           ${vaultId}`,
    // A line of its own, so that a terminal of 80 columns does not break it.
    ...(command.keyFile === null ? ['unseal key', `  ${unsealKey.reveal()}`] : [`unseal key      in ${command.keyFile}`]),
    `first operator  ${operatorId}`,
    `operator key    ${command.operatorKeyFile === null ? operatorKey.reveal() : `in ${command.operatorKeyFile}`}`,
    '',
    ...fitted('Keys that are shown here are shown once. Without the unseal key nobody can read this vault again.', cells),
    `Next: sikkerkey-vault serve --data ${command.dataDirectory}`,
  ];
  return lines.join('\n');
}
