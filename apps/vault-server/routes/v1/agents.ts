/**
 * The published routes of the published sync agent (wire-runtime §2.9–2.10, §8). It knows no claims and no slots, so
 * it serves secrets of the single-user strategy only, and ends a rotation by its id or any alias of it.
 */
import type { Route } from '../../http/application.ts';
import { done } from '../../request-check/refusal.ts';
import type { VaultParts } from '../../vault-parts.ts';
import { readBody } from '../read-body.ts';
import { sealGenerated } from '../seal-version.ts';
import { confirmBody, heartbeatBody, rejectBody } from './bodies.ts';

const pollIntervalSeconds = 10;
/** An offer that was neither confirmed nor rejected comes again under a new id, the only way to move that agent (§8.4). */
const reofferAfterMs = 180_000;

export function publishedAgentRoutes(vault: VaultParts): readonly Route[] {
  return [synchronisation(vault), heartbeat(vault), confirm(vault), reject(vault)];
}

function synchronisation(vault: VaultParts): Route {
  return {
    method: 'GET',
    path: '/v1/secret/:id/sync-config',
    whileSealed: false,
    handle: async (request, { check, parameters }) => {
      const caller = await check.machine(request);
      const secretId = parameters['id'] ?? '';
      const found = done(await vault.storage.publishedConfiguration({ caller, secretId, reofferAfterMs }), 'secret');
      const { pending, host, port, database, adminUser } = found;
      return JSON.stringify({
        providerType: found.provider,
        connection: { host, port, database, adminUser: adminUser ?? '', adminPass: vault.keyring.openAdministrator(found)?.reveal() ?? '' },
        managedUsername: found.owner,
        pollIntervalSeconds,
        ...(pending === null
          ? { rotationStatus: 'idle' }
          : {
              pendingRotationId: pending.rotationId,
              pendingValue: vault.keyring.openValue(pending).reveal(),
              rotationStatus: 'pending',
            }),
      });
    },
  };
}

function heartbeat(vault: VaultParts): Route {
  return {
    method: 'POST',
    path: '/v1/secret/:id/agent/heartbeat',
    whileSealed: false,
    handle: async (request, { check, parameters }) => {
      const caller = await check.machine(request);
      const { status } = readBody(heartbeatBody, request.body);
      const secretId = parameters['id'] ?? '';
      done(await vault.storage.publishedHeartbeat({ caller, secretId, healthy: status === 'healthy' }), 'secret');
      return '{}';
    },
  };
}

function confirm(vault: VaultParts): Route {
  return {
    method: 'POST',
    path: '/v1/secret/:id/agent/confirm-rotation',
    whileSealed: false,
    handle: async (request, { check, parameters }) => {
      const caller = await check.machine(request);
      const { rotationId } = readBody(confirmBody, request.body);
      const secretId = parameters['id'] ?? '';
      done(await vault.storage.publishedConfirm({ caller, secretId, rotationId, seal: sealGenerated(vault) }), 'rotation');
      vault.hub.wake();
      return '{}';
    },
  };
}

function reject(vault: VaultParts): Route {
  return {
    method: 'POST',
    path: '/v1/secret/:id/agent/reject-rotation',
    whileSealed: false,
    handle: async (request, { check, parameters }) => {
      const caller = await check.machine(request);
      const { rotationId } = readBody(rejectBody, request.body);
      const secretId = parameters['id'] ?? '';
      done(await vault.storage.publishedReject({ caller, secretId, rotationId, seal: sealGenerated(vault) }), 'rotation');
      vault.hub.wake();
      return '{}';
    },
  };
}
