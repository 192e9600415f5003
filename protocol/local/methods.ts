/**
 * The local API: JSON-RPC 2.0 in Content-Length frames over the daemon's socket. One object from which both ends'
 * types, the run-time checks, the documentation and the tests' fake daemon derive (local-api.md).
 *
 * `access`: view < operate < admin. `write` calls carry an idempotency key, so that a client which reconnects may ask
 * again. `survivesDisconnect`: the work goes on when the caller is gone.
 */
import * as z from 'zod';
import { abandonReason, leftBehind } from '../vault/machine.ts';
import { operatorRoutes } from '../vault/operator.ts';
import { identifier, instant, strategy, tlsMode } from '../vault/shapes.ts';
import { agentFact, daemonFact, holdOutFact, snapshot, vaultFact } from './state.ts';

export {
  localWireVersion,
  maxReplyBytes,
  maxRequestBytes,
  maxRequestsInFlight,
  stateChangeNotification,
  subscriberTooSlowNotification,
} from './wire.ts';

const secretId = identifier;
const nothing = z.object({});
/** A secret on its way in: taken over the socket only, never kept by the front end. */
const secretInput = z.string().min(1).max(4096);
const plannedStatement = z.object({
  target: z.string(),
  /** SQL with values shown as ‹new› or ‹verifier›. */ text: z.string(),
  repeatable: z.boolean(),
});
const finding = z.object({
  code: z.string(),
  severity: z.enum(['blocks', 'warns', 'informs']),
  details: z.record(z.string(), z.union([z.string(), z.number()])),
});
/** The last two lead out of a rest: slots that somebody dropped are made again, another server is accepted. */
const planKind = z.enum(['rotate', 'adopt', 'un-adopt', 'recreate-slots', 'accept-server']);
export const plan = z.object({
  secretId,
  kind: planKind,
  strategy,
  why: z.string(),
  server: z.object({ version: z.string(), superuser: z.boolean(), sessions: z.int() }).nullable(),
  tls: tlsMode.nullable(),
  statements: z.array(plannedStatement),
  retirement: z.array(plannedStatement),
  predictedOutageSeconds: z.number(),
  findings: z.array(finding),
});

type Access = 'view' | 'operate' | 'admin';
interface Method<Params extends z.ZodType, Result extends z.ZodType> {
  readonly access: Access;
  readonly write: boolean;
  readonly survivesDisconnect: boolean;
  readonly params: Params;
  readonly result: Result;
}
const read = <P extends z.ZodType, R extends z.ZodType>(access: Access, params: P, result: R): Method<P, R> => ({
  access,
  write: false,
  survivesDisconnect: false,
  params,
  result,
});
const write = <P extends z.ZodType, R extends z.ZodType>(
  access: Access,
  params: P,
  result: R,
  survivesDisconnect = false,
): Method<P, R> => ({ access, write: true, survivesDisconnect, params, result });

export const localMethods = {
  /** First message of a connection; anything else before it is refused. */
  hello: read(
    'view',
    z.object({ wireVersion: z.int(), clientName: z.string().max(64), clientVersion: z.string().max(32) }),
    z.object({
      wireVersion: z.int(),
      daemonVersion: z.string(),
      bootId: z.string(),
      features: z.array(z.string()),
      role: z.enum(['view', 'operate', 'admin']),
    }),
  ),
  'daemon.status': read('view', nothing, z.object({ daemon: daemonFact, vaults: z.array(vaultFact), agents: z.int() })),
  'daemon.stop': write('admin', nothing, nothing),
  /** Answers with the snapshot; changes follow as `state.change` notifications. */
  'state.subscribe': read('view', nothing, snapshot),
  'state.unsubscribe': read('view', nothing, nothing),

  'identity.enroll': write(
    'admin',
    z.object({ apiUrl: z.string().max(512), token: secretInput, name: z.string().max(128).optional(), hasMoved: z.boolean().optional() }),
    vaultFact,
  ),
  'identity.list': read('view', nothing, z.object({ vaults: z.array(vaultFact) })),
  /** Keeps an operator's key (base64 of the 32-byte seed) as it keeps a machine's. */
  'operator.add': write(
    'admin',
    z.object({
      vaultId: identifier.optional(),
      apiUrl: z.string().max(512),
      operatorId: identifier,
      key: secretInput,
      hasMoved: z.boolean().optional(),
    }),
    z.object({ vaultId: identifier, operatorId: identifier }),
  ),
  /** One call of protocol/vault/operator, signed by the daemon; `body` is checked against the route's schema. */
  'operator.call': write(
    'admin',
    z.object({
      vaultId: identifier.optional(),
      route: z.enum(Object.keys(operatorRoutes) as [keyof typeof operatorRoutes]),
      body: z.record(z.string(), z.unknown()),
    }),
    z.object({ answer: z.unknown() }),
    true,
  ),

  'agent.list': read('view', nothing, z.object({ agents: z.array(agentFact) })),
  'agent.show': read('view', z.object({ secretId }), agentFact),
  'agent.configure': write(
    'operate',
    z.object({
      secretId,
      vaultId: identifier.optional(),
      provider: z.string().max(32),
      host: z.string().min(1).max(255),
      port: z.int().min(1).max(65_535),
      database: z.string().min(1).max(63),
      adminUser: z.string().min(1).max(63),
      adminPassword: secretInput,
      tls: tlsMode,
      caFile: z.string().max(4096).optional(),
      /** A managed secret's fields have these names; the two are taken for the sake of the published form. */
      usernameField: z.literal('username').optional(),
      passwordField: z.literal('password').optional(),
      pollIntervalSeconds: z.int().min(5).max(3600).optional(),
      probeQuery: z.string().max(4096).optional(),
    }),
    agentFact,
  ),
  /**
   * Reads pg_hba.conf and accepts what stands in the way of the login slots now: later rotations go on in spite of it, until
   * the lines say something else. Holds at the address that is configured.
   */
  'agent.acceptHba': write('operate', z.object({ secretId }), z.object({ findings: z.array(finding) })),
  /** Connects and checks privileges; changes nothing. */
  'agent.test': read('operate', z.object({ secretId }), z.object({ serverVersion: z.string(), findings: z.array(finding) })),
  'agent.plan': read(
    'operate',
    z.object({ secretId, kind: planKind, strategy: strategy.optional(), acceptHba: z.boolean().optional() }),
    plan,
  ),
  /** `acceptHba`: goes on although pg_hba.conf treats a login slot otherwise than the login, as `agent.acceptHba` does. */
  'agent.adopt': write(
    'operate',
    z.object({ secretId, strategy: strategy.optional(), acceptHba: z.boolean().optional() }),
    z.object({ rotationId: identifier }),
    true,
  ),
  /**
   * An adoption that has not gone live is undone under its own rotation (`undone`, or `being-undone` where the database did
   * not let it through yet); any other begins the rotation back.
   */
  'agent.unAdopt': write(
    'operate',
    z.object({ secretId }),
    z.object({ rotationId: identifier, adoption: z.enum(['going-back', 'being-undone', 'undone']) }),
    true,
  ),
  'agent.start': write('operate', z.object({ secretId, vaultId: identifier.optional() }), agentFact),
  'agent.stop': write('operate', z.object({ secretId }), agentFact),
  /**
   * Removes the local configuration only; refused while something is in flight. `abandon`: the database is gone for good, so
   * what is in flight ends at the vault as well, audited with the reason; answers with what the database may still hold.
   */
  'agent.remove': write(
    'operate',
    z.object({ secretId, abandon: z.object({ reason: abandonReason }).optional() }),
    z.object({ leftBehind: z.array(leftBehind).default([]) }),
    true,
  ),
  'agent.rotate': write(
    'operate',
    z.object({ secretId }),
    z.object({
      rotationId: identifier,
      state: z.enum(['pending', 'waiting-for-drain']),
      /** Who holds the version that drains, and until when at most; null where nothing drains. */
      waitsFor: z.object({ holdOuts: z.array(holdOutFact), drainDeadlineAt: instant.nullable() }).nullable(),
    }),
    true,
  ),
  /** Looks at the database now and brings it back to what the vault says; answers with the state that this led to. */
  'agent.repair': write(
    'operate',
    z.object({
      secretId,
      overwriteForeignPassword: z.boolean(),
      /** For the rest `login-missing`; refused with `repair-does-not-fit` otherwise. */
      recreateSlots: z.boolean().optional(),
      /** For the rest `different-server`; refused with `repair-does-not-fit` otherwise. */
      acceptServer: z.boolean().optional(),
      /** For the rest `epoch-ahead`; refused with `repair-does-not-fit` otherwise. */
      acceptEpoch: z.boolean().optional(),
    }),
    agentFact,
    true,
  ),
} as const;

export type LocalMethod = keyof typeof localMethods;
export type LocalParams<M extends LocalMethod> = z.input<(typeof localMethods)[M]['params']>;
export type LocalResult<M extends LocalMethod> = z.output<(typeof localMethods)[M]['result']>;
export type Plan = z.infer<typeof plan>;

/** Fields beside the params, in every request: how long the caller waits, and the key of a write. */
export const requestEnvelope = z.object({
  deadlineMs: z.int().min(1).max(600_000).optional(),
  idempotencyKey: z.string().min(8).max(64).optional(),
  params: z.unknown(),
});

/** `data` of a JSON-RPC error. No stack, no driver text, no prose. */
export const localError = z.object({
  code: z.string(),
  whoMustAct: z.string(),
  retryable: z.boolean(),
  retryAfterMs: z.int().optional(),
  details: z.record(z.string(), z.union([z.string(), z.number()])),
});
export type LocalError = z.infer<typeof localError>;
