/** `sikkerkey-vault unseal | seal | status`: asks the process that serves the data directory. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { askVault } from '../control/control-client.ts';
import type { ControlRequest, ControlStatus } from '../control/control-protocol.ts';
import { formatUnsealKey } from '../sealing/unseal-key.ts';
import type { Command } from './command-line.ts';
import type { Terminal } from './terminal.ts';
import { readRootKey } from './unseal-key-source.ts';

type Asking = Extract<Command, { kind: 'unseal' | 'seal' | 'status' }>;

/** Throws `vault-not-running`, `unseal-key-malformed`, `unseal-key-wrong`. */
export async function askServingVault(command: Asking, terminal: Terminal): Promise<void> {
  const answer = await askVault(command.dataDirectory, await requestOf(command, terminal));
  if (answer.outcome === 'refused') {
    throw answer.code === 'request-malformed'
      ? new CatalogueError('request-malformed', { part: 'control request' })
      : new CatalogueError(answer.code, {});
  }
  terminal.print(command.json ? JSON.stringify(answer.status) : describe(answer.status));
}

async function requestOf(command: Asking, terminal: Terminal): Promise<ControlRequest> {
  if (command.kind !== 'unseal') return { act: command.kind };
  const rootKey = await readRootKey(command.keyFile, terminal, 'unseal');
  try {
    return { act: 'unseal', unsealKey: formatUnsealKey(rootKey).reveal() };
  } finally {
    rootKey.fill(0);
  }
}

function describe({ vaultId, version, sealed, apiUrl, processId }: ControlStatus): string {
  return `${vaultId}  ${sealed ? 'sealed' : 'unsealed'}  ${apiUrl}  version ${version}  process ${processId}`;
}
