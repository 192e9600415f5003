/** Registers everything that operators call, from the protocol's own table. */
import { type OperatorBody, type OperatorRoute, operatorRoutes } from '@sikkerkey/protocol/vault/operator.ts';
import type * as z from 'zod';
import { largeBodyLimitBytes, type Route } from '../../http/application.ts';
import type { VaultParts } from '../../vault-parts.ts';
import { readBody } from '../read-body.ts';
import { machineHandlers } from './machines.ts';
import type { OperatorHandlers } from './operator-handlers.ts';
import { identityHandlers } from './operators.ts';
import { projectHandlers } from './projects.ts';
import { rotationHandlers } from './rotations.ts';
import { secretHandlers } from './secrets.ts';

const handlers: OperatorHandlers = { ...projectHandlers, ...identityHandlers, ...secretHandlers, ...machineHandlers, ...rotationHandlers };

/** Routes that change nothing: nobody is woken and nothing is logged for them. */
const quiet: ReadonlySet<OperatorRoute> = new Set<OperatorRoute>([
  'status',
  'listProjects',
  'listSecrets',
  'showSecret',
  'listVersions',
  'listRotations',
  'listMachines',
  'listGrants',
  'listOperators',
  'audit',
]);

/** Routes whose bodies carry a whole value, which may be 64 KiB by itself. */
const withValue: ReadonlySet<OperatorRoute> = new Set<OperatorRoute>(['createSecret', 'updateSecret']);

export function operatorRouteTable(vault: VaultParts): readonly Route[] {
  return (Object.keys(handlers) as OperatorRoute[]).map((name) => operatorRoute(vault, name));
}

function operatorRoute<R extends OperatorRoute>(vault: VaultParts, name: R): Route {
  const handle = handlers[name];
  // The table ties name, schema and handler together; the compiler does not follow a schema through an index.
  const schema = operatorRoutes[name].body as unknown as z.ZodType<OperatorBody<R>>;
  const route = operatorRoutes[name].path;
  return {
    method: 'POST',
    path: route,
    ...(withValue.has(name) ? { bodyLimitBytes: largeBodyLimitBytes } : {}),
    whileSealed: false,
    handle: async (request, { check }) => {
      const caller = await check.operator(request);
      const answer = await handle(vault, caller, readBody(schema, request.body));
      if (!quiet.has(name)) {
        vault.hub.wake();
        vault.log.write('info', 'operator.acted', { operatorId: caller.id, route });
      }
      return JSON.stringify(answer);
    },
  };
}
