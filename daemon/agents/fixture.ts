/** An agent and the vault's word on it, as tests begin with them. */
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import type { AgentConfiguration, AgentWork } from '@sikkerkey/protocol/vault/machine.ts';
import { initialFact } from './agent-facts.ts';

export const fact = (change: Partial<AgentFact> = {}): AgentFact => ({
  ...initialFact({ secretId: 'sk_1', vaultId: 'vault_1', running: true, connection: null }, 1_000),
  ...change,
});
export const work = (change: Partial<AgentWork> = {}): AgentWork => ({
  secretId: 'sk_1',
  access: 'granted',
  liveVersion: 3,
  rotationId: null,
  phase: 'none',
  nextRotationAt: null,
  holdOuts: [],
  drainDeadlineAt: null,
  ...change,
});

export const configuration: AgentConfiguration = {
  secretId: 'sk_1',
  name: 'payments',
  provider: 'postgresql',
  strategy: 'flip',
  owner: 'app',
  adopted: false,
  host: null,
  port: null,
  database: null,
  tls: null,
  adminUser: null,
  adminPassword: null,
  liveVersion: 2,
  nextRotationAt: null,
  adoptionRotationId: null,
};
