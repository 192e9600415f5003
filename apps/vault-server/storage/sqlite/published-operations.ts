/** Rotation as published agents know it (/v1): configuration with the pending value, aliases, confirm and reject without epoch. */
import { decidePublishedConfirm, decidePublishedReject, mayOfferToPublished, type PublishedReport } from '../../managed/rules.ts';
import type { MachineCaller, Outcome, PublishedConfiguration } from '../records.ts';
import type { RotationOperations } from '../storage.ts';
import { done, refuse } from './admission.ts';
import { newIdentifier } from './identifiers.ts';
import type { ManagedContext } from './managed-context.ts';
import type { LoadedManaged } from './managed-rows.ts';

type PublishedOperations = Pick<
  RotationOperations,
  'publishedConfiguration' | 'publishedHeartbeat' | 'publishedConfirm' | 'publishedReject'
>;

/** What is stored when a published agent rejects: its text may hold parts of passwords and is not kept. */
const rejectedByPublishedAgent = 'rejected-by-agent';

interface NewestOffer {
  readonly alias: string;
  readonly createdAt: number;
}

export class PublishedAgents implements PublishedOperations {
  readonly #context: ManagedContext;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(context: ManagedContext) {
    this.#context = context;
    this.#sql = prepare(context.db);
  }

  readonly publishedConfiguration: PublishedOperations['publishedConfiguration'] = (input) =>
    this.#context.access.onManaged(input, (loaded) => {
      const { caller, secretId } = input;
      if (loaded.state.strategy !== 'single') return refuse('served-by-daemon');
      const leading = this.#isLeading(loaded, caller);
      const pending = this.#pendingFor(loaded, caller, input.reofferAfterMs);
      if (leading) this.#sql.published.run(caller.id, caller.now, secretId);
      this.#context.audit.append(caller, {
        action: pending === null ? 'agent.configuration' : 'rotation.offer',
        subject: secretId,
        ...(pending === null ? {} : { detail: pending.rotationId }),
      });
      return done({ ...loaded.configuration, pending });
    });
  readonly publishedHeartbeat: PublishedOperations['publishedHeartbeat'] = (input) =>
    this.#context.access.onManaged(input, ({ state }) => {
      const agentState = input.healthy ? 'IDLE' : 'REPORTED_ERROR';
      this.#sql.heartbeat.run(input.secretId, input.caller.id, 'published', agentState, state.live.version, input.caller.now);
      return done(null);
    });
  readonly publishedConfirm: PublishedOperations['publishedConfirm'] = (input) =>
    this.#context.access.onManaged(input, (loaded) => {
      const { caller, secretId } = input;
      const rotation = this.#context.changes.rows.rotation(secretId, input.rotationId);
      if (rotation === null) return refuse('rotation-over');
      return this.#report(decidePublishedConfirm(loaded.state, rotation), () => {
        this.#context.audit.append(caller, {
          action: 'rotation.promote',
          subject: secretId,
          detail: `${rotation.rotationId} v${rotation.version}`,
        });
        this.#context.changes.promote(loaded, caller, input.seal);
      });
    });
  readonly publishedReject: PublishedOperations['publishedReject'] = (input) =>
    this.#context.access.onManaged(input, (loaded) => {
      const { caller, secretId } = input;
      const rotation = this.#context.changes.rows.rotation(secretId, input.rotationId);
      if (rotation === null) return refuse('rotation-over');
      return this.#report(decidePublishedReject(loaded.state, rotation), () => {
        this.#context.audit.append(caller, { action: 'rotation.reject', subject: secretId, detail: rotation.rotationId });
        this.#context.changes.reject(loaded, caller, input.seal, rejectedByPublishedAgent);
      });
    });

  /** The id under which the pending value is offered now: the rotation's own first, a new alias after each long silence. */
  readonly #offeredId = (rotationId: string, firstOfferedAt: number | null, now: number, reofferAfterMs: number): string => {
    if (firstOfferedAt === null) this.#sql.offered.run(now, rotationId);
    const newest: NewestOffer = this.#sql.newestAlias.get(rotationId, now) ?? { alias: rotationId, createdAt: firstOfferedAt ?? now };
    const offeredForMs = now - newest.createdAt;
    // An offer from the future was made by a clock that was put back since.
    if (offeredForMs >= 0 && offeredForMs < reofferAfterMs) return newest.alias;
    const alias = newIdentifier(this.#context.random, 'rot_');
    this.#sql.insertAlias.run(alias, rotationId, now);
    return alias;
  };

  readonly #pendingFor = (loaded: LoadedManaged, caller: MachineCaller, reofferAfterMs: number): PublishedConfiguration['pending'] => {
    const { state, configuration } = loaded;
    const { active, secretId } = state;
    if (active === null || !mayOfferToPublished(state, caller.id, caller.now)) return null;
    const sealed = this.#sql.sealed.get(secretId, active.version);
    if (sealed === undefined || sealed === null) return null;
    const { projectId, wrappedProjectKey } = configuration;
    const rotationId = this.#offeredId(active.rotationId, active.publishedAt, caller.now, reofferAfterMs);
    return { projectId, wrappedProjectKey, secretId, version: active.version, sealed, rotationId };
  };

  /** A second published agent never takes the place of one that is at work. */
  readonly #isLeading = ({ state }: LoadedManaged, caller: MachineCaller): boolean =>
    state.active?.state !== 'pending' || state.published === null || mayOfferToPublished(state, caller.id, caller.now);

  readonly #report = (answer: PublishedReport, act: () => void): Outcome<null> => {
    if (answer === 'served-by-daemon' || answer === 'rotation-over') return refuse(answer);
    if (answer === 'act') act();
    return done(null);
  };
}

function prepare(db: ManagedContext['db']) {
  return {
    offered: db.prepare('UPDATE rotations SET published_at = ? WHERE rotation_id = ?'),
    /** Of those that a clock put back since made, none: each look would find the same one too far ahead, and make one more. */
    newestAlias: db.prepare<[string, number], NewestOffer>(
      'SELECT alias, created_at AS createdAt FROM rotation_aliases WHERE rotation_id = ? AND created_at <= ? ORDER BY created_at DESC LIMIT 1',
    ),
    insertAlias: db.prepare('INSERT INTO rotation_aliases (alias, rotation_id, created_at) VALUES (?, ?, ?)'),
    sealed: db.prepare<[string, number], Buffer | null>('SELECT sealed FROM versions WHERE secret_id = ? AND version = ?').pluck(),
    published: db.prepare('UPDATE managed SET published_machine = ?, published_at = ? WHERE secret_id = ?'),
    heartbeat: db.prepare(
      `INSERT INTO agents (secret_id, machine_id, daemon_id, state, version, seen_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (secret_id, machine_id) DO UPDATE SET daemon_id = excluded.daemon_id, state = excluded.state,
         version = excluded.version, rotation_id = NULL, error_code = NULL, seen_at = excluded.seen_at`,
    ),
  };
}
