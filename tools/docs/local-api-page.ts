/** `docs/local-api.md`: every method of the daemon's socket with its parameters and result, from the schema itself. */
import {
  localMethods,
  localWireVersion,
  maxReplyBytes,
  maxRequestBytes,
  maxRequestsInFlight,
  stateChangeNotification,
} from '@sikkerkey/protocol/local/methods.ts';
import { change } from '@sikkerkey/protocol/local/state.ts';
import type * as z from 'zod';
import { typeNotation } from './type-notation.ts';

export function describeLocalApi(): string {
  const intro = [
    '# Local API',
    '',
    'Written from `protocol/local` by `npm run docs`. JSON-RPC 2.0 in Content-Length frames over the daemon’s socket;',
    `wire version ${localWireVersion}; requests up to ${maxRequestBytes} bytes, replies up to ${maxReplyBytes}, ${maxRequestsInFlight} requests in flight.`,
    'The first message is `hello`. Roles: view < operate < admin. A write carries an idempotency key.',
    '',
  ];
  const methods = Object.entries(localMethods).flatMap(([name, method]) => [
    `## ${name}`,
    '',
    `Role ${method.access} · ${method.write ? 'write' : 'read'}${method.survivesDisconnect ? ' · goes on when the caller is gone' : ''}`,
    '',
    ...schema('Parameters', method.params),
    ...schema('Result', method.result),
  ]);
  const notification = [`## ${stateChangeNotification} (notification)`, '', ...schema('Value', change)];
  return [...intro, ...methods, ...notification].join('\n');
}

function schema(title: string, type: z.ZodType): string[] {
  return [`${title}:`, '', '```ts', typeNotation(type), '```', ''];
}
