/** Registers everything that machines call under /v2, from the protocol's own table. */
import type { ServerResponse } from 'node:http';
import { type MachineBody, type MachineRoute, machineRoutes, selfRoute } from '@sikkerkey/protocol/vault/machine.ts';
import type * as z from 'zod';
import { type StreamStart, startOfStream, streamEvents } from '../../events/event-stream.ts';
import { StreamSlots } from '../../events/stream-slots.ts';
import { largeBodyLimitBytes, type Route } from '../../http/application.ts';
import { done, refusalOf } from '../../request-check/refusal.ts';
import type { VaultParts } from '../../vault-parts.ts';
import { readBody } from '../read-body.ts';
import { agentHandlers } from './agents.ts';
import type { AnsweredRoute, MachineHandlers } from './machine-handlers.ts';
import { rotationHandlers } from './rotations.ts';
import { secretHandlers } from './secrets.ts';

const handlers: MachineHandlers = { ...secretHandlers, ...agentHandlers, ...rotationHandlers };

/** Routes after which nobody needs to be woken, since they append no events. */
const quiet: ReadonlySet<MachineRoute> = new Set<MachineRoute>([
  'readSecret',
  'listSecrets',
  'pollVersions',
  'agentConfiguration',
  'heartbeat',
  'pollAgents',
  'look',
  'renew',
  'drain',
  'rotationState',
]);

/** Routes whose bodies name all secrets of a daemon or of a reader at once. */
const manySecrets: ReadonlySet<MachineRoute> = new Set<MachineRoute>(['heartbeat', 'pollAgents', 'pollVersions']);

/** Routes that change the state of a rotation: one line in the log for each. */
const loud: ReadonlySet<MachineRoute> = new Set<MachineRoute>(['adopt', 'unadopt', 'requestRotation', 'confirm', 'reject', 'retired']);

export function machineRouteTable(vault: VaultParts): readonly Route[] {
  const names = Object.keys(handlers) as AnsweredRoute[];
  return [...names.map((name) => answeredRoute(vault, name)), eventsRoute(vault), selfDescription(vault)];
}

function answeredRoute<R extends AnsweredRoute>(vault: VaultParts, name: R): Route {
  const handle = handlers[name];
  // The table ties name, schema and handler together; the compiler does not follow a schema through an index.
  const schema = machineRoutes[name].body as unknown as z.ZodType<MachineBody<R>>;
  const wakes = !quiet.has(name);
  const { path } = machineRoutes[name];
  return {
    method: 'POST',
    path,
    ...(manySecrets.has(name) ? { bodyLimitBytes: largeBodyLimitBytes } : {}),
    whileSealed: false,
    handle: async (request, { check }) => {
      const caller = await check.machine(request);
      const body = readBody(schema, request.body);
      const answer = await handle(vault, caller, body);
      if (wakes) vault.hub.wake();
      if (loud.has(name)) vault.log.write('info', 'rotation.changed', { machineId: caller.id, route: path, ...secretOf(body) });
      return JSON.stringify(answer);
    },
  };
}

function secretOf(body: object): { readonly secretId?: string } {
  return 'secretId' in body && typeof body.secretId === 'string' ? { secretId: body.secretId } : {};
}

function eventsRoute(vault: VaultParts): Route {
  const slots = new StreamSlots();
  return {
    method: 'POST',
    path: machineRoutes.events.path,
    whileSealed: false,
    handle: async (request, { check, reply }) => {
      const caller = await check.machine(request);
      const { cursor } = readBody(machineRoutes.events.body, request.body);
      const use = await vault.storage.useNonce(caller);
      if (use !== 'fresh') throw refusalOf(use, 'machine');
      using _slot = slots.take(caller.id);
      const start = await startOfStream(vault.storage, caller.id, cursor);
      if (start.page.kind === 'stopped') throw refusalOf(refusalOfState(start.page.state), 'machine');
      reply.hijack();
      reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
      reply.raw.flushHeaders();
      await finishStream(vault, start, reply.raw);
      return null;
    },
  };
}

/** The answer has begun, so a failure can only be logged and the connection cut; the listener comes back with its cursor. */
async function finishStream(vault: VaultParts, start: StreamStart, output: ServerResponse): Promise<void> {
  const { machineId } = start;
  try {
    const end = await streamEvents(vault, start, output);
    vault.log.write('debug', 'stream.closed', { machineId, code: end });
  } catch (error) {
    output.destroy();
    vault.log.failure('stream.failed', error, { machineId });
  }
}

/** A machine of any state may ask what the vault knows of it. */
function selfDescription(vault: VaultParts): Route {
  return {
    method: 'GET',
    path: selfRoute.path,
    whileSealed: false,
    handle: async (request, { check }) => {
      const caller = await check.machine(request);
      const { machineId, name, state, fingerprint } = done(await vault.storage.describeSelf({ caller }), 'machine');
      return JSON.stringify({ machineId, name, state, fingerprint, vaultId: vault.settings.vaultId });
    },
  };
}

function refusalOfState(state: 'pending' | 'approved' | 'denied' | 'disabled' | 'unknown') {
  if (state === 'unknown' || state === 'approved') return 'unknown-caller';
  return `machine-${state}` as const;
}
