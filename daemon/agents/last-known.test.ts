import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { AgentConfiguration } from '@sikkerkey/protocol/vault/machine.ts';
import { makeAgentFact } from '@sikkerkey/test/support/facts.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { heartbeatOf, initialFact, withConfiguration } from './agent-facts.ts';
import { showAndKeep } from './last-known.ts';
import { AgentRegistry, type RegisteredAgent } from './registry.ts';

const now = 1_700_000_000_000;
const lastRotation = { rotationId: 'rot_1', endedAt: now, durationMs: 5, outcome: 'rotated' };
const fact = makeAgentFact(now, { lastRotation });
const registered: RegisteredAgent = { secretId: fact.secretId, vaultId: fact.vaultId, running: false, connection: null };
const sealer = { keyId: 'k_1', seal: () => new Uint8Array(), open: () => '' };
const silent = { warn: () => undefined };

let directory: string;
let registry: AgentRegistry;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sk-known-'));
  registry = new AgentRegistry(join(directory, 'agents.db'));
  registry.put(registered, null, sealer);
});

afterEach(async () => {
  registry.close();
  await rm(directory, { recursive: true, force: true });
});

/** What a daemon that was started anew begins with. */
function afterRestart() {
  const found = registry.find(fact.secretId);
  if (found === null) throw new Error('the agent is gone');
  return initialFact(found, now);
}

test('after a restart a stopped agent has its name, version and last rotation, marked as last known', () => {
  showAndKeep(fact, { putAgent: () => undefined }, registry, silent);

  const { name, version, strategy, serverVersion, host } = fact;
  expect(afterRestart()).toMatchObject({ name, version, strategy, serverVersion, host, lastRotation, isLastKnown: true, beats: [] });
});

test('what the vault says anew takes the place of what was known, the version too', () => {
  showAndKeep(fact, { putAgent: () => undefined }, registry, silent);
  const { name, provider, strategy, adopted, host, port, database, tls, nextRotationAt } = fact;
  const said = { name, provider, strategy, adopted, host, port, database, tls, nextRotationAt, liveVersion: 15 };

  const heard = withConfiguration(afterRestart(), said as unknown as AgentConfiguration);

  expect(heard).toMatchObject({ version: 15, lastRotation });
  expect(heard).not.toHaveProperty('isLastKnown');
});

test('the vault is not told a version that is only remembered', () => {
  showAndKeep(fact, { putAgent: () => undefined }, registry, silent);

  expect([heartbeatOf(fact).version, heartbeatOf(afterRestart()).version]).toEqual([12, null]);
});

test('nothing is remembered of an agent that was removed, nor of a secret that moved to another vault', () => {
  showAndKeep(fact, { putAgent: () => undefined }, registry, silent);
  registry.put({ ...registered, vaultId: 'vault_other' }, null, sealer);
  expect(afterRestart()).toMatchObject({ name: fact.secretId, version: null });

  registry.remove(fact.secretId);
  registry.put(registered, null, sealer);
  expect(afterRestart()).toMatchObject({ name: fact.secretId, version: null });
});

test('a file that cannot be written does not keep the fact from being shown', () => {
  const shown: string[] = [];
  const broken = {
    keepLastKnown: () => {
      throw new CatalogueError('registry-unavailable', { reason: 'SQLITE_FULL' });
    },
  };

  showAndKeep(fact, { putAgent: ({ secretId }) => shown.push(secretId) }, broken, silent);

  expect(shown).toEqual([fact.secretId]);
});
