/** One-time enrollment of a machine: unsigned, the bootstrap token is the credential; safe to repeat with the same key. */
import { isIdentifier } from '@sikkerkey/protocol/identifiers.ts';
import type { enrollRoute, selfRoute } from '@sikkerkey/protocol/vault/machine.ts';
import type * as z from 'zod';
import type { CallOptions } from './call-options.ts';
import type { VaultClient } from './client.ts';
import { isObject, refusalOf, VaultRefusal } from './refusal.ts';
import type { VaultTransport } from './transport.ts';

export type EnrollBody = z.infer<typeof enrollRoute.body>;
export type EnrollAnswer = z.infer<typeof enrollRoute.answer>;
export type SelfAnswer = z.infer<typeof selfRoute.answer>;

const enrollPath: (typeof enrollRoute)['path'] = '/v2/enroll';
const selfPath: (typeof selfRoute)['path'] = '/v2/machine';

/** Registers a public key. After a lost answer call it again with the same key. Throws VaultRefusal or TransportFailure. */
export async function enrollMachine(transport: VaultTransport, body: EnrollBody, options: CallOptions = {}): Promise<EnrollAnswer> {
  const response = await transport.request({
    method: 'POST',
    path: enrollPath,
    headers: { 'content-type': 'application/json' },
    body: new TextEncoder().encode(JSON.stringify(body)),
    timeoutMs: options.timeoutMs ?? 10_000,
    maxAnswerBytes: 65_536,
    signal: options.signal,
  });
  if (response.status !== 200) throw refusalOf(response);
  const answer: unknown = JSON.parse(new TextDecoder().decode(response.body));
  const wanted = ['machineId', 'vaultId', 'machineName', 'apiUrl', 'fingerprint', 'state'] as const;
  if (!isObject(answer) || wanted.some((name) => typeof answer[name] !== 'string')) {
    throw new VaultRefusal(502, 'vault-answer-unreadable', {}, null);
  }
  const enrolled = answer as EnrollAnswer;
  // Both become parts of paths, here and in signed requests.
  if (![enrolled.vaultId, enrolled.machineId].every(isIdentifier)) throw new VaultRefusal(502, 'vault-answer-unreadable', {}, null);
  return enrolled;
}

/** What the vault knows of the caller; works for a machine that is not approved yet. */
export async function readSelf(client: VaultClient, options: CallOptions = {}): Promise<SelfAnswer> {
  return (await client.call('GET', selfPath, null, options)) as SelfAnswer;
}
