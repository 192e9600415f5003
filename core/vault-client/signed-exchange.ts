/**
 * One signed request and its answer (wire-runtime §1). Every attempt has its own timestamp and nonce; the body is hashed
 * as sent. Learns the vault's time, and asks once more when only the clock was wrong.
 */
import { createHash } from 'node:crypto';
import {
  clockWindowSeconds,
  emptyBodySha256,
  identityHeader,
  nonceHeader,
  operatorHeader,
  signatureHeader,
  signedPayload,
  timestampHeader,
} from '@sikkerkey/protocol/signing.ts';
import type { Clock } from '../clock.ts';
import type { SigningKey } from '../identity/signing-key.ts';
import type { Random } from '../random.ts';
import type { ServerTime } from './server-time.ts';
import type { AnswerHeaders, VaultRequest, VaultTransport } from './transport.ts';

export interface VaultIdentity {
  readonly kind: 'machine' | 'operator';
  readonly id: string;
  readonly key: SigningKey;
}

export interface Exchanges {
  readonly identity: VaultIdentity;
  readonly transport: VaultTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly time: ServerTime;
}

export interface Outgoing {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body: Uint8Array | null;
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** The headers that sign this request now. */
export function signedHeaders(exchanges: Exchanges, outgoing: Outgoing): Record<string, string> {
  const { identity, random, time } = exchanges;
  const timestamp = time.timestamp();
  const nonce = base64(random.bytes(16));
  const bodySha256 = outgoing.body === null ? emptyBodySha256 : createHash('sha256').update(outgoing.body).digest('hex');
  const payload = signedPayload({ method: outgoing.method, path: outgoing.path, timestamp, nonce, bodySha256 });
  const signature = base64(identity.key.sign(new TextEncoder().encode(payload)));
  return {
    [identity.kind === 'machine' ? identityHeader : operatorHeader]: identity.id,
    [timestampHeader]: timestamp,
    [nonceHeader]: nonce,
    [signatureHeader]: signature,
    ...(outgoing.body === null ? {} : { 'content-type': 'application/json' }),
  };
}

/** Sends it, through `request` or `stream` of the transport. Throws TransportFailure. */
export async function exchange<Answer extends { readonly status: number; readonly headers: AnswerHeaders }>(
  exchanges: Exchanges,
  outgoing: Outgoing,
  send: (request: VaultRequest) => Promise<Answer>,
): Promise<Answer> {
  const attempt = async (): Promise<{ answer: Answer; clockMoved: boolean }> => {
    const startedAt = exchanges.clock.monotonic();
    const answer = await send({ ...outgoing, headers: signedHeaders(exchanges, outgoing) });
    const roundTripMs = exchanges.clock.monotonic() - startedAt;
    const clockMoved = exchanges.time.learn(answer.headers, roundTripMs, (clockWindowSeconds * 1000) / 10);
    return { answer, clockMoved };
  };
  const first = await attempt();
  if (first.answer.status !== 401 || !first.clockMoved) return first.answer;
  return (await attempt()).answer;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
