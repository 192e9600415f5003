/**
 * One request from its bytes' meaning to its answer: method known, role sufficient, parameters in form, deadline running,
 * key of a write honoured. Handlers see only what passed here.
 */
import type { Clock } from '@sikkerkey/core/clock.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { type LocalMethod, localMethods, requestEnvelope } from '@sikkerkey/protocol/local/methods.ts';
import type * as z from 'zod';
import type { Handlers, ServiceMethod } from './handler.ts';
import { RepeatedCalls } from './repeated-calls.ts';

export type Role = 'view' | 'operate' | 'admin';
const rank: Readonly<Record<Role, number>> = { view: 0, operate: 1, admin: 2 };
/** The daemon's own deadline; a shorter one of the caller wins. */
const longestCallMs = 120_000;

export interface Envelope {
  readonly deadlineMs: number;
  readonly idempotencyKey: string | undefined;
  readonly params: unknown;
}

/** Throws CatalogueError `params-invalid`. */
export function envelopeOf(params: unknown): Envelope {
  const checked = checkedAgainst(requestEnvelope, params ?? {});
  return {
    deadlineMs: Math.min(checked.deadlineMs ?? longestCallMs, longestCallMs),
    idempotencyKey: checked.idempotencyKey,
    params: checked.params ?? {},
  };
}

export function isLocalMethod(method: string): method is LocalMethod {
  return Object.hasOwn(localMethods, method);
}

/** Names the first field that is wrong, never its value. Throws CatalogueError `params-invalid`. */
export function checkedAgainst<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const outcome = schema.safeParse(value);
  if (outcome.success) return outcome.data;
  const field = outcome.error.issues[0]?.path.map(String).join('.') ?? '';
  throw new CatalogueError('params-invalid', { field: /^[A-Za-z0-9_.-]{1,64}$/.test(field) ? field : 'params' });
}

export class Dispatcher {
  readonly #handlers: Handlers;
  readonly #clock: Clock;
  readonly #stopping: AbortSignal;
  readonly #repeated = new RepeatedCalls();

  constructor(handlers: Handlers, clock: Clock, stopping: AbortSignal) {
    this.#handlers = handlers;
    this.#clock = clock;
    this.#stopping = stopping;
  }

  /** Answers a call of a service method. `caller` fires when the caller cancels or is gone. */
  async dispatch(method: ServiceMethod, role: Role, envelope: Envelope, caller: AbortSignal): Promise<unknown> {
    const { access, write, survivesDisconnect } = localMethods[method];
    if (this.#stopping.aborted) throw new CatalogueError('daemon-stopping', {});
    if (rank[role] < rank[access]) throw new CatalogueError('not-permitted', { needed: access, role });
    const params: unknown = checkedAgainst(localMethods[method].params, envelope.params);
    const finished = new AbortController();
    const late = this.#lateAfter(envelope.deadlineMs, finished.signal);
    const callerOrDeadline = AbortSignal.any([caller, late, this.#stopping]);
    const run = (): Promise<unknown> => this.#run(method, params, survivesDisconnect ? this.#stopping : callerOrDeadline);
    try {
      const key = envelope.idempotencyKey;
      if (write && key === undefined) throw new CatalogueError('idempotency-key-missing', {});
      const result = write && key !== undefined ? this.#repeated.once(key, method, params, run) : run();
      return await untilAborted(result, callerOrDeadline, () => this.#reasonOf(late, envelope.deadlineMs));
    } finally {
      finished.abort();
    }
  }

  #run(method: ServiceMethod, params: unknown, signal: AbortSignal): Promise<unknown> {
    const handler = this.#handlers[method] as (params: unknown, signal: AbortSignal) => Promise<unknown>;
    return handler(params, signal);
  }

  #lateAfter(deadlineMs: number, finished: AbortSignal): AbortSignal {
    const late = new AbortController();
    this.#clock.sleep(deadlineMs, finished).then(
      () => late.abort(),
      () => undefined,
    );
    return late.signal;
  }

  #reasonOf(late: AbortSignal, deadlineMs: number): Error {
    if (this.#stopping.aborted) return new CatalogueError('daemon-stopping', {});
    return late.aborted ? new CatalogueError('deadline-passed', { deadlineMs }) : new CatalogueError('cancelled', {});
  }
}

/** The result, or the reason as soon as the signal fires; the work itself goes on or ends by its own signal. */
function untilAborted(result: Promise<unknown>, signal: AbortSignal, reason: () => Error): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(reason());
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const done = (): void => signal.removeEventListener('abort', onAbort);
    result.then(
      (value) => {
        done();
        resolve(value);
      },
      (error: unknown) => {
        done();
        reject(error instanceof Error ? error : new Error('not an error', { cause: error }));
      },
    );
  });
}
