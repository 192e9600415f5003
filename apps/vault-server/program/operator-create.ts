/**
 * `sikkerkey-vault operator create`: the way back in where no operator's key is left. Who holds the data directory and the
 * unseal key of a vault that is stopped makes an operator; that one disables the others over the network.
 */
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { displayName } from '@sikkerkey/protocol/vault/shapes.ts';
import { Keyring } from '../sealing/keyring.ts';
import { isOperatorStored } from '../storage/sqlite/vault-reader.ts';
import type { Storage } from '../storage/storage.ts';
import type { OperatorCreateCommand } from './command-line.ts';
import { mayBeInStore, openCheckpoints, openStore, prepareDataDirectory, storedVaultRecord } from './data-directory.ts';
import { makeWithKeysHandedOut } from './hand-out-keys.ts';
import { writeLastCheckpoint } from './last-checkpoint.ts';
import { type NewOperator, newOperator } from './new-operator.ts';
import type { Terminal } from './terminal.ts';
import { readRootKey } from './unseal-key-source.ts';

/** Throws `vault-usage` for a name that is too long, `vault-not-initialised`, `vault-must-be-stopped`, `unseal-key-wrong`, and what handing out a key throws; then nobody was made, but for `vault-making-uncertain`. */
export async function createOperator(command: OperatorCreateCommand, terminal: Terminal): Promise<void> {
  if (!displayName.safeParse(command.name).success) throw new CatalogueError('vault-usage', { word: '--name' });
  const { vaultId, rootKeyVerifier } = storedVaultRecord(command.dataDirectory);
  // Opening the store takes its lock and brings it to this version: that is for who has the key alone.
  const keyring = new Keyring(vaultId, systemRandom);
  keyring.unseal(await readRootKey(command.keyFile, terminal, 'operator create --name NAME'), rootKeyVerifier);
  await prepareDataDirectory(command.dataDirectory);
  await using cleanup = new AsyncDisposableStack();
  const storage = await openStoreOfStoppedVault(command.dataDirectory);
  cleanup.defer(() => storage.close());
  const checkpoints = await openCheckpoints(command.dataDirectory, keyring);
  cleanup.defer(() => checkpoints.close());
  storage.useAuditKey(keyring.auditAuthenticator());
  await makeOperator(command, terminal, storage, newOperator());
  await writeLastCheckpoint(checkpoints, storage, terminal);
}

async function makeOperator(command: OperatorCreateCommand, terminal: Terminal, storage: Storage, made: NewOperator): Promise<void> {
  const { operatorId, operatorPublicKey: publicKey, operatorKey: key } = made;
  const { name, operatorKeyFile: path } = command;
  await makeWithKeysHandedOut(
    {
      keys: [{ path, key }],
      shown: command.json ? asJson(command, made) : asText(command, made),
      make: async () => {
        await storage.createOperatorAtHost({ operatorId, name, publicKey, now: systemClock.now() });
      },
      mayBeMade: () => mayBeInStore(storage, command.dataDirectory, (file) => isOperatorStored(file, operatorId)),
    },
    terminal,
  );
}

async function openStoreOfStoppedVault(dataDirectory: string): Promise<Storage> {
  return openStore(dataDirectory).catch((error: unknown) => {
    const isServed = error instanceof CatalogueError && error.code === 'vault-store-locked';
    throw isServed ? new CatalogueError('vault-must-be-stopped', {}, { cause: error }) : error;
  });
}

/** The key is either in its file or printed, never both. */
function asJson({ name, operatorKeyFile }: OperatorCreateCommand, { operatorId, operatorKey }: NewOperator): string {
  return JSON.stringify({ operatorId, name, ...(operatorKeyFile === null ? { operatorKey: operatorKey.reveal() } : { operatorKeyFile }) });
}

function asText({ operatorKeyFile }: OperatorCreateCommand, { operatorId, operatorKey }: NewOperator): string {
  return [`operator      ${operatorId}`, `operator key  ${operatorKeyFile === null ? operatorKey.reveal() : `in ${operatorKeyFile}`}`].join(
    '\n',
  );
}
