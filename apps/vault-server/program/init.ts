/** `sikkerkey-vault init`: makes a vault, its root key and its first operator, and hands both keys out once. */
import { generatePassword } from '@sikkerkey/core/generate-password.ts';
import type { SecretText } from '@sikkerkey/core/secret-text.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { Keyring } from '../sealing/keyring.ts';
import { createRootKey } from '../sealing/root-key.ts';
import { formatUnsealKey } from '../sealing/unseal-key.ts';
import { readVaultRecord } from '../storage/sqlite/vault-reader.ts';
import type { Storage } from '../storage/storage.ts';
import type { InitCommand } from './command-line.ts';
import { mayBeInStore, openCheckpoints, openStore, prepareDataDirectory } from './data-directory.ts';
import { fitted } from './fitted-text.ts';
import { makeWithKeysHandedOut } from './hand-out-keys.ts';
import { writeLastCheckpoint } from './last-checkpoint.ts';
import { type NewOperator, newOperator } from './new-operator.ts';
import type { Terminal } from './terminal.ts';

const vaultIdLength = 12;
const firstOperator = 'first operator';

interface NewVault extends NewOperator {
  readonly vaultId: string;
  readonly rootKeyVerifier: Uint8Array;
  readonly keyring: Keyring;
  readonly unsealKey: SecretText;
}

/** Throws `vault-exists` and changes nothing where the directory holds a vault already. */
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
      await writeLastCheckpoint(checkpoints, storage, terminal);
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
  return { vaultId, rootKeyVerifier: verifier, keyring, unsealKey, ...newOperator() };
}

async function makeVault(command: InitCommand, terminal: Terminal, storage: Storage, made: NewVault): Promise<void> {
  const { vaultId, rootKeyVerifier, operatorId, operatorPublicKey } = made;
  await makeWithKeysHandedOut(
    {
      keys: [
        { path: command.keyFile, key: made.unsealKey },
        { path: command.operatorKeyFile, key: made.operatorKey },
      ],
      shown: command.json ? asJson(command, made) : asText(command, made),
      make: async () => {
        storage.useAuditKey(made.keyring.auditAuthenticator());
        const operator = { operatorId, operatorName: firstOperator, operatorPublicKey };
        const outcome = await storage.initialise({ vaultId, rootKeyVerifier, ...operator, now: systemClock.now() });
        if (outcome.kind === 'exists') throw new CatalogueError('vault-exists', {});
      },
      mayBeMade: () => mayBeInStore(storage, command.dataDirectory, (file) => readVaultRecord(file)?.vaultId === vaultId),
    },
    terminal,
  );
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
