/**
 * Signed, audited reads: CPU of the vault for one, beside one native verification and a bare answer on this machine: by
 * the library that the vault uses (the limit), and by the one that Node carries. All are measured in turn, slice by slice, so that what else the machine does falls on both alike.
 */
import { join } from 'node:path';
import type { VaultClient } from '@sikkerkey/core/vault-client/client.ts';
import * as z from 'zod';
import { runLoad } from './support/load.ts';
import { atLeast, atMost, type Bench, type BenchOptions, beside, promised, type Row } from './support/measurement.ts';
import { cpuSeconds } from './support/process-cost.ts';
import { buildForBench, startProgram, Workplace } from './support/programs.ts';
import { describeSpread } from './support/spread.ts';
import { clientOf, enrollMachine, type MachineIdentity, startVault, type VaultProgram } from './support/vault-program.ts';

const inFlight = 32;
const valueBytes = 64;
const slices = 5;
/** OpenBao 2.6.2, KV v2 with file audit, same class of machine: CPU milliseconds for one read. */
const openBaoMsPerRead = 0.59;

/** A server under load, and what it has cost so far. */
interface Subject {
  readonly pid: number;
  readonly read: (index: number) => Promise<void>;
  readonly latenciesMs: number[];
  /** CPU milliseconds for one read, of each slice. */
  readonly costs: number[];
  cpuSeconds: number;
  seconds: number;
}

const subjectOf = (pid: number, read: Subject['read']): Subject => ({ pid, read, latenciesMs: [], costs: [], cpuSeconds: 0, seconds: 0 });

/** The first slice of each is thrown away: code is compiled and connections are made in it. */
async function measureInTurn(subjects: readonly Subject[], reads: number): Promise<void> {
  const perSlice = Math.ceil(reads / slices);
  for (let slice = 0; slice <= slices; slice += 1) {
    for (const subject of subjects) {
      const before = cpuSeconds(subject.pid);
      const { seconds, latenciesMs } = await runLoad(perSlice, inFlight, subject.read);
      if (slice === 0) continue;
      const cpu = cpuSeconds(subject.pid) - before;
      subject.cpuSeconds += cpu;
      subject.seconds += seconds;
      subject.costs.push((cpu * 1000) / perSlice);
      subject.latenciesMs.push(...latenciesMs);
    }
  }
}

const costOf = (subject: Subject): number => (subject.cpuSeconds * 1000) / subject.latenciesMs.length;
const describe = (subject: Subject): string =>
  `${Math.round(subject.latenciesMs.length / subject.seconds)} reads/s; slices: ${describeSpread(subject.costs)}; latency ms: ${describeSpread(subject.latenciesMs)}`;

async function makeSecrets(vault: VaultProgram, machine: MachineIdentity, projectId: string, amount: number): Promise<string[]> {
  const ids: string[] = [];
  await runLoad(amount, 8, async (index) => {
    const value = 'x'.repeat(valueBytes);
    const { secretId } = await vault.operator.operator('createSecret', { projectId, name: `secret ${amount}-${index}`, value });
    await vault.operator.operator('grant', { secretId, machineId: machine.machineId, permission: 'read' });
    ids.push(secretId);
  });
  return ids;
}

async function startLimit(
  workplace: Workplace,
  machine: MachineIdentity,
  library: 'libsodium' | 'openssl',
): Promise<{ readonly pid: number; readonly client: VaultClient }> {
  let port = 0;
  const program = join(import.meta.dirname, 'support', 'bare-verifier.ts');
  const { pid } = await startProgram(workplace, [program, library, machine.key.publicKeyBase64, String(valueBytes)], {
    isReady: (line) => {
      port = z.object({ port: z.int() }).parse(JSON.parse(line)).port;
      return true;
    },
  });
  const client = clientOf(workplace, `http://127.0.0.1:${port}`, { kind: 'machine', id: machine.machineId, key: machine.key }, inFlight);
  return { pid, client };
}

async function readWith(client: VaultClient, secretId: string): Promise<void> {
  await client.call('GET', `/v1/secret/${secretId}`, null);
}

async function run({ quick, progress }: BenchOptions): Promise<readonly Row[]> {
  const reads = quick ? 4000 : 30_000;
  await using workplace = new Workplace();
  const vault = await startVault(workplace, await buildForBench(workplace));
  const { projectId } = await vault.operator.operator('createProject', { name: 'bench' });
  const machine = await enrollMachine(workplace, vault, projectId);
  const limitServer = await startLimit(workplace, machine, 'libsodium');
  const opensslServer = await startLimit(workplace, machine, 'openssl');
  const rows: Row[] = [];
  for (const amount of [1, 1000]) {
    progress(`vault of ${amount}`);
    const ids = await makeSecrets(vault, machine, projectId, amount);
    const ours = subjectOf(vault.running.pid, (index) => readWith(machine.client, ids[index % ids.length] ?? ''));
    const limit = subjectOf(limitServer.pid, (index) => readWith(limitServer.client, ids[index % ids.length] ?? ''));
    const openssl = subjectOf(opensslServer.pid, (index) => readWith(opensslServer.client, ids[index % ids.length] ?? ''));
    await measureInTurn([ours, limit, openssl], reads);
    const cpu = 'CPU ms/read';
    rows.push(promised(`vault of ${amount}: of the limit`, (costOf(limit) / costOf(ours)) * 100, '%', atLeast(60, '%')));
    rows.push(
      promised(`vault of ${amount}: CPU`, costOf(ours), cpu, atMost(Number((openBaoMsPerRead / 3).toFixed(3)), cpu), describe(ours)),
    );
    rows.push(beside('  limit: one verification and a bare answer', costOf(limit), cpu, describe(limit)));
    rows.push(beside('  the same with Node’s own verification', costOf(openssl), cpu, describe(openssl)));
  }
  return [...rows, beside('OpenBao 2.6.2, as measured on this class of machine', openBaoMsPerRead, 'CPU ms/read')];
}

export const vaultRead: Bench = { name: 'vault-read', summary: 'signed, audited reads beside the physical limit', run };
