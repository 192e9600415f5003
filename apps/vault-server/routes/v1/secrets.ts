/** The published routes by which machines read, in the published bytes: no key more, no key less (wire-runtime §2). */
import { largeBodyLimitBytes, type Route } from '../../http/application.ts';
import { done } from '../../request-check/refusal.ts';
import type { ListedSecret, ServedSecret } from '../../storage/records.ts';
import type { VaultParts } from '../../vault-parts.ts';
import { readBody } from '../read-body.ts';
import { exportBody, listBody, pollBody } from './bodies.ts';

export function publishedSecretRoutes(vault: VaultParts): readonly Route[] {
  return [readOne(vault), listAll(vault), listOfProject(vault), exportValues(vault), poll(vault)];
}

/** A published client names no instance, so it holds what it read until the drain deadline (rotation-protocol.md rule 3). */
function readOne(vault: VaultParts): Route {
  return {
    method: 'GET',
    path: '/v1/secret/:id',
    whileSealed: false,
    handle: async (request, { check, parameters }) => {
      const caller = await check.machine(request);
      const secretId = parameters['id'] ?? '';
      const served = done(await vault.storage.readLiveSecret({ caller, secretId, instance: null, pool: null }), 'secret');
      return JSON.stringify({ value: vault.keyring.openValue(served).reveal() });
    },
  };
}

function listAll(vault: VaultParts): Route {
  return {
    method: 'GET',
    path: '/v1/secrets',
    whileSealed: false,
    handle: async (request, { check }) => {
      const caller = await check.machine(request);
      return listed(done(await vault.storage.listForMachine({ caller, projectId: null }), 'project'));
    },
  };
}

function listOfProject(vault: VaultParts): Route {
  return {
    method: 'POST',
    path: '/v1/secrets/list',
    whileSealed: false,
    handle: async (request, { check }) => {
      const caller = await check.machine(request);
      const { projectId } = readBody(listBody, request.body);
      return listed(done(await vault.storage.listForMachine({ caller, projectId }), 'project'));
    },
  };
}

function exportValues(vault: VaultParts): Route {
  return {
    method: 'POST',
    path: '/v1/secrets/export',
    whileSealed: false,
    handle: async (request, { check }) => {
      const caller = await check.machine(request);
      const projectId = request.body.length === 0 ? null : (readBody(exportBody, request.body).projectId ?? null);
      const served = done(await vault.storage.exportSecrets({ caller, projectId }), 'project');
      return JSON.stringify({ secrets: served.map((one) => exported(vault, one)) });
    },
  };
}

/**
 * The published minimum between polls is not enforced by refusals: a poll that comes sooner is answered from the same
 * state, since an early client would take a 429 for an outage (wire-runtime §2.6).
 */
function poll(vault: VaultParts): Route {
  return {
    method: 'POST',
    path: '/v1/secrets/poll',
    bodyLimitBytes: largeBodyLimitBytes,
    whileSealed: false,
    handle: async (request, { check }) => {
      const caller = await check.machine(request);
      const { watch } = readBody(pollBody, request.body);
      const changes = done(await vault.storage.pollChanges({ caller, secretIds: watch }), 'secret');
      return JSON.stringify({ changes: Object.fromEntries(changes.map(({ secretId, status }) => [secretId, { status }])) });
    },
  };
}

function listed(secrets: readonly ListedSecret[]): string {
  const readable = secrets.filter(({ mayRead }) => mayRead);
  return JSON.stringify({
    secrets: readable.map(({ secretId, name, fieldNames, projectId }) => ({
      id: secretId,
      name,
      fieldNames: namesText(fieldNames),
      projectId,
    })),
  });
}

function exported(vault: VaultParts, served: ServedSecret) {
  const { secretId, name, fieldNames } = served;
  return { id: secretId, name, value: vault.keyring.openValue(served).reveal(), fieldNames: namesText(fieldNames) };
}

/** A string or null, never an array (wire-runtime §2.0.4); clients only test it against null. */
const namesText = (fieldNames: readonly string[] | null): string | null => (fieldNames === null ? null : JSON.stringify(fieldNames));
