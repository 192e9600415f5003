/** Facts as the daemon tells them, well and complete; a test changes the part that it is about. */
import type { AgentFact, VaultFact } from '@sikkerkey/protocol/local/state.ts';

export function makeVaultFact(part: Partial<VaultFact> = {}): VaultFact {
  return {
    vaultId: 'vault_demo',
    apiUrl: 'http://localhost:4600',
    machineId: 'm_1',
    machineName: 'jump-fra-1',
    fingerprint: 'K7QD-93MX-F2PA',
    machineState: 'approved',
    reachable: true,
    sealed: false,
    protocol: 'v2',
    latencyMs: 4.2,
    skewMs: 300,
    pushConnected: true,
    operatorId: null,
    keyProtection: 'plain-file',
    errorCode: null,
    ...part,
  };
}

export function makeAgentFact(now: number, part: Partial<AgentFact> = {}): AgentFact {
  return {
    secretId: 'sk_payments',
    vaultId: 'vault_demo',
    name: 'payments-db',
    provider: 'postgresql',
    serverVersion: '16.4',
    host: 'db-1',
    port: 5432,
    database: 'payments',
    tls: 'verify-full',
    strategy: 'flip',
    adopted: true,
    source: 'vault',
    running: true,
    state: 'IDLE',
    since: now - 600_000,
    step: null,
    rotationId: null,
    version: 12,
    attempt: 0,
    errorCode: null,
    errorDetails: {},
    holdOuts: [],
    drainDeadlineAt: null,
    nextRotationAt: now + 3 * 86_400_000,
    beats: [124_000, 94_000, 64_000, 34_000, 4000].map((age) => now - age),
    lastRotation: null,
    ...part,
  };
}
