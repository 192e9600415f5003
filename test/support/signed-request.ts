/**
 * Signs and sends requests to a real vault, for tests: each part may be bent (clock, nonce, body, signature) to see how
 * the vault refuses it. Speaks through node:http, so that the bytes are those that the test chose.
 */
import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { SigningKey } from '@sikkerkey/core/identity/signing-key.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import {
  identityHeader,
  nonceHeader,
  operatorHeader,
  signatureHeader,
  signedPayload,
  timestampHeader,
} from '@sikkerkey/protocol/signing.ts';
import { type MachineAnswer, type MachineBody, type MachineRoute, machineRoutes } from '@sikkerkey/protocol/vault/machine.ts';
import { type OperatorAnswer, type OperatorBody, type OperatorRoute, operatorRoutes } from '@sikkerkey/protocol/vault/operator.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Identity {
  readonly kind: 'machine' | 'operator';
  readonly id: string;
  readonly key: SigningKey;
}

/** What a test changes about an otherwise proper request. */
export interface Bent {
  readonly timestampOffsetSeconds?: number;
  readonly nonce?: string;
  /** Sent instead of what was signed. */
  readonly sentPath?: string;
  readonly sentBody?: string | Uint8Array;
  readonly signature?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly without?: readonly string[];
  /** Address of this host that it is sent from. */
  readonly localAddress?: string;
}

/** The headers of a signed request. */
export function signedHeaders(
  identity: Identity,
  method: string,
  path: string,
  body: string | Uint8Array,
  bent: Bent = {},
): Record<string, string> {
  const timestamp = String(Math.floor(systemClock.now() / 1000) + (bent.timestampOffsetSeconds ?? 0));
  const nonce = bent.nonce ?? randomBytes(16).toString('base64');
  const bodySha256 = createHash('sha256').update(body).digest('hex');
  const payload = Buffer.from(signedPayload({ method, path, timestamp, nonce, bodySha256 }), 'utf8');
  const headers: Record<string, string> = {
    [identity.kind === 'machine' ? identityHeader : operatorHeader]: identity.id,
    [timestampHeader]: timestamp,
    [nonceHeader]: nonce,
    [signatureHeader]: bent.signature ?? Buffer.from(identity.key.sign(payload)).toString('base64'),
    ...bent.headers,
  };
  for (const name of bent.without ?? []) delete headers[name];
  return headers;
}

export async function signedRequest(
  baseUrl: string,
  identity: Identity,
  method: 'GET' | 'POST',
  path: string,
  body: string | Uint8Array = '',
  bent: Bent = {},
): Promise<Answer> {
  const headers = signedHeaders(identity, method, path, body, bent);
  return plainRequest(baseUrl, method, bent.sentPath ?? path, bent.sentBody ?? body, headers, bent.localAddress);
}

export function plainRequest(
  baseUrl: string,
  method: string,
  path: string,
  body: string | Uint8Array = '',
  headers: Readonly<Record<string, string>> = {},
  localAddress?: string,
): Promise<Answer> {
  const { hostname, port } = new URL(baseUrl);
  const bytes = Buffer.from(body);
  const length = method === 'GET' && bytes.length === 0 ? {} : { 'content-length': String(bytes.length) };
  return new Promise((resolve, reject) => {
    const from = localAddress === undefined ? {} : { localAddress };
    const sent = httpRequest({ hostname, port, method, path, headers: { ...length, ...headers }, agent: false, ...from }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(bytes);
  });
}

/** Thrown by `asMachine` and `asOperator` for anything but 200. */
export class Refusal extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`${answer.status} ${answer.text}`);
    this.answer = answer;
  }
}

/** One call of protocol/vault/machine; throws `Refusal`. The answer is checked against the route's schema. */
export async function asMachine<R extends Exclude<MachineRoute, 'events'>>(
  baseUrl: string,
  identity: Identity,
  route: R,
  body: MachineBody<R>,
): Promise<MachineAnswer<R>> {
  const answer = await signedRequest(baseUrl, identity, 'POST', machineRoutes[route].path, JSON.stringify(body));
  if (answer.status !== 200) throw new Refusal(answer);
  return machineRoutes[route].answer.parse(JSON.parse(answer.text)) as MachineAnswer<R>;
}

/** One call of protocol/vault/operator; throws `Refusal`. The answer is checked against the route's schema. */
export async function asOperator<R extends OperatorRoute>(
  baseUrl: string,
  identity: Identity,
  route: R,
  body: OperatorBody<R>,
): Promise<OperatorAnswer<R>> {
  const answer = await signedRequest(baseUrl, identity, 'POST', operatorRoutes[route].path, JSON.stringify(body));
  if (answer.status !== 200) throw new Refusal(answer);
  return operatorRoutes[route].answer.parse(JSON.parse(answer.text)) as OperatorAnswer<R>;
}
