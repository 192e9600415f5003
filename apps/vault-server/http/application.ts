/**
 * The HTTP side of the vault: limits, the raw bytes of bodies (they are what is signed), the gate of a sealed vault,
 * and the shape of every refusal. Routes register themselves through `RouteTable`; nothing here knows what they do.
 */
import type { IncomingMessage, RequestListener } from 'node:http';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { lockoutAddress } from '../request-check/address-lockout.ts';
import { isRefusal, refusalAnswer } from '../request-check/refusal.ts';
import { type ReceivedRequest, RequestCheck, refuseOddTarget } from '../request-check/request-check.ts';
import type { VaultParts } from '../vault-parts.ts';
import { StoreReports } from './store-reports.ts';

/** Bytes of one request body. */
const bodyLimitBytes = 65_536;
/** For routes that carry a whole value, or the facts of all agents of a daemon at once. */
export const largeBodyLimitBytes = 524_288;

export interface Route {
  readonly method: 'GET' | 'POST';
  /** A path, or fastify's pattern with `:id` segments. */
  readonly path: string;
  /** 64 KiB where it is not given. */
  readonly bodyLimitBytes?: number;
  /** Health, capabilities: answered while sealed. */
  readonly whileSealed: boolean;
  /** The JSON text of a 200 answer, or null when the route took the reply over. Throws CatalogueErrors. */
  handle(request: ReceivedRequest, exchange: Exchange): Promise<string | null>;
}

export interface Exchange {
  readonly check: RequestCheck;
  /** Values of the pattern's segments. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly reply: FastifyReply;
}

export interface Application {
  readonly listener: RequestListener;
  close(): Promise<void>;
}

const nothing = new Uint8Array(0);

export async function createApplication(parts: VaultParts, routes: readonly Route[]): Promise<Application> {
  const check = new RequestCheck(parts);
  const reports = new StoreReports(parts.log);
  const refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    answerFailure(parts, reports, error, request, reply);
  const app = fastify({
    bodyLimit: bodyLimitBytes,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 128 },
    frameworkErrors: (error, request, reply) => void refuse(error, request, reply),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler(refuse);
  app.setNotFoundHandler((request, reply) => refuse(new CatalogueError('route-not-found', {}), request, reply));
  logRequests(app, parts);
  for (const route of routes) register(app, parts, check, reports, route);
  await app.ready();
  return { listener: (request, response) => app.routing(request, response), close: () => app.close() };
}

function register(app: FastifyInstance, parts: VaultParts, check: RequestCheck, reports: StoreReports, route: Route): void {
  app.route({
    method: route.method,
    url: route.path,
    bodyLimit: route.bodyLimitBytes ?? bodyLimitBytes,
    onRequest: (_request, _reply, done) => {
      if (parts.keyring.sealed && !route.whileSealed) done(new CatalogueError('vault-sealed', {}));
      else done();
    },
    handler: async (request, reply) => {
      const body = await route.handle(received(request), { check, parameters: request.params as Record<string, string>, reply });
      if (!route.whileSealed) reports.answered();
      if (body === null) return reply;
      return reply.header('content-type', 'application/json').send(body);
    },
  });
}

function received(request: FastifyRequest): ReceivedRequest {
  const raw = request.raw;
  const target = raw.url ?? '';
  refuseOddTarget(target);
  const body = request.body instanceof Uint8Array ? request.body : nothing;
  return { method: raw.method ?? '', target, headers: raw.headers, body, address: lockoutAddress(raw.socket.remoteAddress) };
}

/** Expected refusals go out as they are; anything else is logged under a reference and answered without its words. */
function answerFailure(
  parts: VaultParts,
  reports: StoreReports,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const expected = error instanceof CatalogueError ? error : frameworkRefusal(error, request.routeOptions.bodyLimit);
  const path = request.raw.url ?? '';
  if (expected !== null) reports.refused(expected);
  const answer =
    expected === null || !isRefusal(expected) ? refusalAnswer(unexpected(parts, error, request.raw), path) : refusalAnswer(expected, path);
  return reply.code(answer.status).headers(answer.headers).send(answer.body);
}

/** What the framework refuses by itself: too large, unreadable. Null for a failure of ours. */
function frameworkRefusal(error: unknown, limitBytes: number | undefined): CatalogueError | null {
  if (!(error instanceof Error)) return null;
  const status: unknown = Reflect.get(error, 'statusCode');
  if (status === 413) return new CatalogueError('request-too-large', { limitBytes: limitBytes ?? bodyLimitBytes }, { cause: error });
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new CatalogueError('request-malformed', { part: 'request' }, { cause: error });
  }
  return null;
}

function unexpected(parts: VaultParts, error: unknown, request: IncomingMessage): CatalogueError {
  const reference = Buffer.from(parts.random.bytes(4)).toString('hex');
  parts.log.failure('request.failed', error, { reference, method: request.method ?? '' });
  return new CatalogueError('vault-failed', { reference }, { cause: error });
}

function logRequests(app: FastifyInstance, parts: VaultParts): void {
  if (!parts.log.debugging) return;
  app.addHook('onResponse', (request, reply, done) => {
    parts.log.write('debug', 'request.answered', {
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
    });
    done();
  });
}
