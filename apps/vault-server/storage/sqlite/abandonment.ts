/** Giving a database up for good: what is in flight ends unseen, and what may be left there is named, never forgotten. */
import type { LeftBehind } from '@sikkerkey/protocol/vault/machine.ts';
import { isClaimHeld, loginOf } from '../../managed/rules.ts';
import type { Slot } from '../records.ts';
import type { RotationOperations } from '../storage.ts';
import { done } from './admission.ts';
import type { ManagedContext } from './managed-context.ts';

interface VersionRow {
  readonly version: number;
  readonly slot: Slot;
  readonly label: 'current' | 'quarantined';
}

export class Abandonment implements Pick<RotationOperations, 'abandon'> {
  readonly #context: ManagedContext;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(context: ManagedContext) {
    this.#context = context;
    this.#sql = prepare(context.db);
  }

  readonly abandon: RotationOperations['abandon'] = (input) =>
    this.#context.access.onManaged<LeftBehind[]>(input, (loaded) => {
      const { caller, secretId, daemonId, reason } = input;
      const { claim, owner, active } = loaded.state;
      const isOwn = claim?.machineId === caller.id && claim.daemonId === daemonId;
      if (!isOwn && isClaimHeld(loaded.state, caller.now)) return this.#context.changes.refuseInFlight(loaded, caller.now);
      this.#context.changes.abandon(loaded, caller);
      const left = this.#leftBehind(secretId, owner);
      const detail = [reason, active?.rotationId ?? [], left.map(({ login, version }) => `${login} v${version ?? '?'}`)].flat();
      this.#context.audit.append(caller, { action: 'secret.abandon', subject: secretId, detail: detail.join('; ') });
      return done(left);
    });

  /** The live version, and those that nobody has seen closed; a login slot without either is named all the same. */
  readonly #leftBehind = (secretId: string, owner: string): LeftBehind[] => {
    const rows = this.#sql.unseen.all(secretId);
    const slots: readonly Slot[] = this.#sql.everUsedSlots.get(secretId) === undefined ? ['owner'] : ['owner', 'a', 'b'];
    const bare = slots.filter((slot) => !rows.some((row) => row.slot === slot));
    return [
      ...rows.map(({ version, slot, label }) => ({ login: loginOf(owner, slot), version, label })),
      ...bare.map((slot): LeftBehind => ({ login: loginOf(owner, slot), version: null, label: 'none' })),
    ];
  };
}

function prepare(db: ManagedContext['db']) {
  return {
    unseen: db.prepare<[string], VersionRow>(
      `SELECT version, slot, label FROM versions WHERE secret_id = ? AND sealed IS NOT NULL
         AND (label = 'current' OR (label = 'quarantined' AND forget_at_age IS NULL)) ORDER BY version`,
    ),
    everUsedSlots: db.prepare<[string], number>("SELECT 1 FROM versions WHERE secret_id = ? AND slot IN ('a', 'b') LIMIT 1").pluck(),
  };
}
