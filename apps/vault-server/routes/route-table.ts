/** Every route of the vault. */
import type { Route } from '../http/application.ts';
import type { VaultParts } from '../vault-parts.ts';
import { operatorRouteTable } from './operator/operator-routes.ts';
import { publishedAgentRoutes } from './v1/agents.ts';
import { publishedSecretRoutes } from './v1/secrets.ts';
import { machineRouteTable } from './v2/machine-routes.ts';
import { publicRouteTable } from './v2/public-routes.ts';

export function routeTable(vault: VaultParts): readonly Route[] {
  return [
    ...publicRouteTable(vault),
    ...publishedSecretRoutes(vault),
    ...publishedAgentRoutes(vault),
    ...machineRouteTable(vault),
    ...operatorRouteTable(vault),
  ];
}
