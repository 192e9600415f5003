/** The CLI on a real terminal of 80 columns: no line is wider, and what people copy is whole. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import { makeVaultFact } from '@sikkerkey/test/support/facts.ts';
import { describe, expect, test } from 'vitest';
import { setStage } from './stage.ts';

const columns = 80;
const machineId = 'bd0cd12d-6eb3-4bbe-99c7-b7aec6607cfd';
const isScriptPresent = spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0;
const plan: Plan = {
  secretId: 'sk_payments',
  kind: 'rotate',
  strategy: 'flip',
  why: 'the login before keeps working until its readers have moved to the next',
  server: null,
  tls: 'disable',
  statements: [{ target: 'orders_b', text: `ALTER ROLE "orders_b" LOGIN PASSWORD '‹verifier›' VALID UNTIL 'infinity'`, repeatable: true }],
  retirement: [],
  predictedOutageSeconds: 0,
  findings: [{ code: 'sessions-hidden', severity: 'warns', details: { admin: 'keeper' } }],
};

const stage = setStage();

/** What the program printed on a pseudo-terminal (stdout and stderr are one there). */
async function linesOn(width: number, args: readonly string[]): Promise<readonly string[]> {
  const command = `stty cols ${width}; exec ${[process.execPath, stage.program, ...args].map((word) => `'${word}'`).join(' ')}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: childEnvironment({ SIKKERKEY_HOME: stage.home }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return printed.split(/\r?\n/);
}

describe.skipIf(!isScriptPresent)('on a terminal of 80 columns', () => {
  test.each([
    { name: 'the help', args: ['--help'] },
    { name: 'the help of a command', args: ['agent', 'configure', '--help'] },
    { name: 'the list of agents with all columns', args: ['agent', 'list', '--wide'] },
    { name: 'a plan', args: ['agent', 'plan', 'sk_payments'] },
    { name: 'an error', args: ['agent', 'show'] },
    { name: 'the status', args: ['status'] },
  ])('$name fits', async ({ args }) => {
    stage.daemon.on('agent.plan', () => plan);
    stage.daemon.changeAgent('sk_payments', { state: 'QUARANTINED', errorCode: 'foreign-password' });

    const lines = await linesOn(columns, args);

    expect(lines.join('').length).toBeGreaterThan(columns);
    expect(lines.filter((line) => [...line].length > columns)).toEqual([]);
  });

  test('a list whose ids are long fits, and shows each id whole', async () => {
    const machine = {
      machineId,
      name: 'jump-host-of-the-second-data-centre',
      hostname: 'jump-2.internal.example.com',
      state: 'pending',
      lastSeenAt: 1_700_000_000_000,
      projects: [],
      fingerprint: 'EQYR-5PCK-8ZY2',
    };
    stage.daemon.on('operator.call', () => ({ answer: { machines: [machine] } }));

    const lines = await linesOn(columns, ['admin', 'machine', 'list']);

    expect(lines.filter((line) => line.length > columns)).toEqual([]);
    expect(lines.find((line) => line.startsWith(machineId))).toBeDefined();
    const pasted = lines.join('\n').replaceAll('\\\n', '').replaceAll(/ +/g, ' ');
    expect(pasted).toContain(`sikkerkey admin machine approve ${machineId} --fingerprint EQYR-5PCK-8ZY2`);
  });

  test('the vaults of this machine fit, and the address is whole', async () => {
    const apiUrl = 'https://vault.the-second-data-centre.internal.example.com:7330';
    stage.daemon.on('identity.list', () => ({ vaults: [makeVaultFact({ vaultId: 'vault_9kkvcarndi3wxy1d', apiUrl })] }));

    const lines = await linesOn(columns, ['list', 'vaults']);

    expect(lines.filter((line) => line.length > columns)).toEqual([]);
    expect(lines.map((line) => line.trim())).toContain(apiUrl);
  });
});
