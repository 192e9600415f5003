/** A vault as its own process, unsealed by itself, and an operator and machines that speak to it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateSigningKey, type SigningKey, signingKeyFromSeed } from '@sikkerkey/core/identity/signing-key.ts';
import { createVaultClient, type VaultClient } from '@sikkerkey/core/vault-client/client.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { createVaultTransport } from '@sikkerkey/host/vault-transport.ts';
import * as z from 'zod';
import { type BuiltPrograms, type Running, runProgram, startProgram, type Workplace } from './programs.ts';

const made = z.object({ vaultId: z.string(), operatorId: z.string() });
const readyLine = z.object({ event: z.literal('ready'), apiUrl: z.string() });

export interface VaultProgram {
  readonly apiUrl: string;
  readonly vaultId: string;
  readonly operatorId: string;
  /** Base64 of the operator's seed, as `admin login` takes it. */
  readonly operatorKeyFile: string;
  readonly operator: VaultClient;
  readonly running: Running;
  /** Arguments that start the same vault again. */
  readonly serveArguments: readonly string[];
}

export interface MachineIdentity {
  readonly machineId: string;
  readonly key: SigningKey;
  readonly client: VaultClient;
}

export async function startVault(workplace: Workplace, programs: BuiltPrograms): Promise<VaultProgram> {
  const data = join(workplace.directory, 'vault');
  const keyFile = join(workplace.directory, 'unseal.key');
  const operatorKeyFile = join(workplace.directory, 'operator.key');
  const command = programs.command('sikkerkey-vault');
  const init = await runProgram([command, 'init', '--data', data, '--key-file', keyFile, '--operator-key-file', operatorKeyFile, '--json']);
  const { vaultId, operatorId } = made.parse(JSON.parse(init));
  const serveArguments = [
    command,
    'serve',
    '--data',
    data,
    '--listen',
    'localhost:0',
    '--auto-unseal-file',
    keyFile,
    '--log-level',
    'error',
    '--json',
  ];
  const { running, apiUrl } = await serve(workplace, serveArguments);
  const key = signingKeyFromSeed(Buffer.from(readFileSync(operatorKeyFile, 'utf8').trim(), 'base64'));
  const operator = clientOf(workplace, apiUrl, { kind: 'operator', id: operatorId, key }, 32);
  return { apiUrl, vaultId, operatorId, operatorKeyFile, operator, running, serveArguments };
}

/** Resolves when the vault has said where it listens. */
export async function serve(
  workplace: Workplace,
  serveArguments: readonly string[],
): Promise<{ readonly running: Running; readonly apiUrl: string }> {
  let apiUrl = '';
  const running = await startProgram(workplace, serveArguments, {
    isReady: (line) => {
      const parsed = readyLine.safeParse(jsonOf(line));
      if (parsed.success) apiUrl = parsed.data.apiUrl;
      return parsed.success;
    },
  });
  return { running, apiUrl };
}

function jsonOf(line: string): unknown {
  return line.startsWith('{') ? JSON.parse(line) : null;
}

export function clientOf(workplace: Workplace, apiUrl: string, identity: VaultClient['identity'], connections: number): VaultClient {
  const client = createVaultClient({
    baseUrl: apiUrl,
    identity,
    transport: createVaultTransport({ baseUrl: apiUrl, connections }),
    clock: systemClock,
    random: systemRandom,
  });
  workplace.atEnd(() => client.close());
  return client;
}

/** A machine of this bench, enrolled, approved and attached to the project. */
export async function enrollMachine(workplace: Workplace, vault: VaultProgram, projectId: string): Promise<MachineIdentity> {
  const { token } = await vault.operator.operator('createBootstrapToken', { projectIds: [projectId] });
  const key = generateSigningKey(systemRandom);
  const answer = await fetch(`${vault.apiUrl}/v2/enroll`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token, publicKey: key.publicKeyBase64, hostname: 'bench' }),
  });
  if (!answer.ok) throw new Error(`enrollment was refused with ${answer.status}`);
  const { machineId } = z.object({ machineId: z.string() }).parse(await answer.json());
  await vault.operator.operator('approveMachine', { machineId });
  await vault.operator.operator('attachMachine', { projectId, machineId });
  return { machineId, key, client: clientOf(workplace, vault.apiUrl, { kind: 'machine', id: machineId, key }, 32) };
}
