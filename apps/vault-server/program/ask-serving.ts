/** `sikkerkey-vault unseal | seal | status`: asks the process that serves the data directory. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { askVault } from '../control/control-client.ts';
import type { ControlAnswer, ControlRequest, ControlStatus } from '../control/control-protocol.ts';
import { formatUnsealKey } from '../sealing/unseal-key.ts';
import type { Command } from './command-line.ts';
import { fitted } from './fitted-text.ts';
import type { Terminal } from './terminal.ts';
import { readRootKey } from './unseal-key-source.ts';

type Asking = Extract<Command, { kind: 'unseal' | 'seal' | 'status' }>;

/** Throws `vault-not-running`, `unseal-key-malformed`, `unseal-key-wrong`, `vault-disk-full`, `vault-store-failed`, `vault-failed`. */
export async function askServingVault(command: Asking, terminal: Terminal): Promise<void> {
  const answer = await askVault(command.dataDirectory, await requestOf(command, terminal));
  if (answer.outcome === 'refused') throw refusalOf(answer);
  await terminal.print(command.json ? JSON.stringify(answer.status) : describe(answer.status, terminal.columns));
}

function refusalOf(answer: Extract<ControlAnswer, { outcome: 'refused' }>): CatalogueError {
  switch (answer.code) {
    case 'request-malformed':
      return new CatalogueError(answer.code, { part: 'control request' });
    case 'vault-store-failed':
      return new CatalogueError(answer.code, { storeCode: answer.storeCode });
    case 'vault-failed':
      return new CatalogueError(answer.code, { reference: answer.reference });
    case 'unseal-key-wrong':
    case 'unseal-key-malformed':
    case 'vault-disk-full':
      return new CatalogueError(answer.code, {});
    default:
      throw new RangeError(answer satisfies never);
  }
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

function describe({ vaultId, version, sealed, apiUrl, processId, refusingUntil, willRefuse }: ControlStatus, cells: number | null): string {
  const lines = [`${vaultId}  ${sealed ? 'sealed' : 'unsealed'}  ${apiUrl}  version ${version}  process ${processId}`];
  if (refusingUntil !== null) {
    lines.push(`the clock went back: requests are refused until it says ${refusingUntil}; set it right if it is wrong`);
  }
  if (willRefuse !== null) {
    lines.push(`the clock was ahead: requests will be refused from ${willRefuse.from} to ${willRefuse.until}, a time that it told before`);
  }
  return lines.flatMap((line) => fitted(line, cells, 2)).join('\n');
}
