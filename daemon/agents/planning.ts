/** What is shown before anything is done: a rotation, an adoption and its way back, and the ways out of a rest. Changes nothing. */
import { type Candidate, differentServer } from '@sikkerkey/core/rotation/ports.ts';
import { strategies } from '@sikkerkey/core/rotation/strategies/by-name.ts';
import { candidatesOf, holdsForeignPassword, leavingForeignPrevious } from '@sikkerkey/core/rotation/strategies/strategy.ts';
import type { Goal, JournalRow, Statement } from '@sikkerkey/core/rotation/types.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import type { AgentConfiguration } from '@sikkerkey/protocol/vault/machine.ts';
import type { VaultContext } from '../vault-link/vaults.ts';
import { namingDatabase } from './database-refusal.ts';
import type { DatabaseTarget } from './database-target.ts';
import type { EngineOfTarget } from './engine-catalogue.ts';
import { refuseForgotten } from './epoch-ahead.ts';
import { refuseWhileInFlight } from './kept-on-disk.ts';
import { formerPlace, placeWords } from './known-address.ts';
import { liveSlotOf } from './live-slot.ts';
import { type PreparationDeps, readTarget } from './preparation.ts';

interface AskedPlan {
  readonly kind: Plan['kind'];
  readonly strategy?: AgentConfiguration['strategy'];
  /** As the work would be done with this word of a person's. */
  readonly acceptHba?: boolean;
}

/** Throws CatalogueError `not-adopted`, `agent-busy`, `epoch-ahead` or `repair-does-not-fit`, JournalUnavailable, and EngineFailure where no connection can be had. */
export async function planFor(
  deps: PreparationDeps,
  context: VaultContext,
  configuration: AgentConfiguration,
  { kind, strategy = 'flip', acceptHba }: AskedPlan,
  signal: AbortSignal,
): Promise<Plan> {
  const on = async (forced: AgentConfiguration['strategy'], work: (engine: EngineOfTarget) => Promise<Plan>): Promise<Plan> => {
    const target = await readTarget(deps, context, configuration, forced);
    return namingDatabase(target, () => work(deps.engines(acceptHba === true ? { ...target, acceptedHba: 'all' } : target)));
  };
  const inForce = configuration.strategy;
  const { secretId } = configuration;
  switch (kind) {
    case 'rotate':
      // The vault would refuse it once somebody has said yes.
      if (!configuration.adopted && context.link.protocol === 'v2') throw new CatalogueError('not-adopted', {});
      return on(inForce, (engine) => planWork(engine, context, configuration, kind, inForce, signal));
    case 'adopt':
      await refuseWhileInFlight(context.journal, secretId);
      return on(strategy, (engine) => planWork(engine, context, configuration, kind, strategy, signal));
    case 'un-adopt': {
      const isLeaving = deps.registry.isLeavingSlots(secretId);
      if (!configuration.adopted && !isLeaving) throw new CatalogueError('not-adopted', {});
      if (configuration.adoptionRotationId === null) {
        await refuseWhileInFlight(context.journal, secretId);
        if (configuration.adopted) return on(inForce, (engine) => planWork(engine, context, configuration, kind, inForce, signal));
      }
      const row = await rowOf(context, secretId, configuration.adoptionRotationId);
      // Where only the slots are left they are the whole plan.
      return on(configuration.adopted ? inForce : 'flip', (engine) => planGivingUp(engine, row, secretId, signal));
    }
    case 'recreate-slots':
      return on(inForce, (engine) => planRecreation(engine, secretId, signal));
    case 'accept-server': {
      const row = await context.journal.read(secretId);
      const known = row?.serverFingerprint ?? (await context.journal.knownServer(secretId));
      const target = await readTarget(deps, context, configuration, inForce);
      const asked = { row, known, former: formerPlace(deps, target), target };
      return on(inForce, (engine) => planAcceptance(engine, asked, signal));
    }
    default:
      return kind satisfies never;
  }
}

async function planWork(
  engine: EngineOfTarget,
  context: VaultContext,
  configuration: AgentConfiguration,
  kind: 'rotate' | 'adopt' | 'un-adopt',
  strategy: AgentConfiguration['strategy'],
  signal: AbortSignal,
): Promise<Plan> {
  // In place no logins are made or removed: what will be done is a rotation in place.
  const work = strategy === 'single' ? 'rotate' : kind;
  const inspection = await engine.inspect(work, signal);
  if (kind === 'adopt') await refuseForgotten(context, configuration.secretId, engine.markedEpoch(inspection), signal);
  return { ...engine.plan(work, inspection, liveSlotOf(inspection, configuration.owner)), kind };
}

/** Null where nothing was begun here: then nothing of ours is in the database but closed slots. */
async function rowOf(context: VaultContext, secretId: string, rotationId: string | null): Promise<JournalRow | null> {
  const row = await context.journal.read(secretId);
  return row !== null && row.rotationId === rotationId && row.versions.pending !== null ? row : null;
}

/** The adopted login keeps what it has; only what was put beside it, or into it by us, goes. */
async function planGivingUp(engine: EngineOfTarget, row: JournalRow | null, secretId: string, signal: AbortSignal): Promise<Plan> {
  const inspection = await engine.inspect('give-up', signal);
  const { statements, findings } = row === null ? nothing : await planned(engine, row, 'undo', signal);
  const exit = {
    kind: 'un-adopt' as const,
    why: 'the adoption has not gone live: the login stays as it is, and what was put beside it goes',
    statements: engine.exits.texts(statements),
    retirement: engine.exits.slotRemoval(inspection),
    findings: findings.map((code) => warning(code, secretId)),
  };
  return engine.exits.plan(exit, inspection);
}

async function planRecreation(engine: EngineOfTarget, secretId: string, signal: AbortSignal): Promise<Plan> {
  const inspection = await engine.inspect('recreate-slots', signal);
  const statements = engine.exits.missingSlots(inspection);
  const isBlocked = inspection.findings.some(({ severity }) => severity === 'blocks');
  if (statements.length === 0 && !isBlocked)
    throw new CatalogueError('repair-does-not-fit', { secretId, mends: 'login-missing', found: 'every login slot' });
  const why = 'somebody dropped a login slot: it is made again, unable to log in, and the work in flight opens it where it must';
  return engine.exits.plan({ kind: 'recreate-slots', why, statements }, inspection);
}

interface AskedAcceptance {
  readonly row: JournalRow | null;
  readonly known: string | null;
  /** Where the last work was done, if that is another place. */
  readonly former: string | null;
  readonly target: DatabaseTarget;
}

async function planAcceptance(engine: EngineOfTarget, asked: AskedAcceptance, signal: AbortSignal): Promise<Plan> {
  const { row, known, former, target } = asked;
  const { secretId } = target;
  const answering = await engine.identify(signal);
  const isSame = known === null || answering === null || known === answering;
  if (isSame && former === null)
    throw new CatalogueError('repair-does-not-fit', { secretId, mends: differentServer, found: 'the server of the journal' });
  const inspection = await engine.inspect('give-up', signal);
  const { statements, findings } = row === null ? nothing : await planned(engine, row, row.goal, signal);
  const exit = {
    kind: 'accept-server' as const,
    why: isSame
      ? `the last work was done at ${former}, and this is ${placeWords(target)}, perhaps a copy: from here it is done there, and applications that use the former place are not served`
      : `the last work was done at ${known}, and ${answering} answers now: from here it is done there`,
    statements: engine.exits.texts(statements),
    findings: findings.map((code) => warning(code, secretId)),
  };
  return engine.exits.plan(exit, inspection);
}

interface Planned {
  readonly statements: readonly Statement[];
  /** Codes of what the look shows and a person should know. */
  readonly findings: readonly string[];
}

const nothing: Planned = { statements: [], findings: [] };

/** What the journalled work does next for this goal, by a look without lock or fence. */
async function planned(engine: EngineOfTarget, row: JournalRow, goal: Goal, signal: AbortSignal): Promise<Planned> {
  if (goal === 'confirm' || goal === 'drain') return nothing;
  const { versions, strategy } = row;
  const shape = await engine.rotation.observe(candidatesHeld(row), signal);
  const touchesLive = goal !== 'undo' || versions.pending?.slot === versions.live.slot;
  if (touchesLive && holdsForeignPassword(shape, versions.live)) return { statements: [], findings: ['foreign-password'] };
  const plan = strategies[strategy].plan(goal, leavingForeignPrevious(shape, versions), versions);
  return plan.kind === 'statements' ? { statements: plan.statements, findings: [] } : { statements: [], findings: [plan.kind] };
}

function candidatesHeld({ versions, credentials }: JournalRow): readonly Candidate[] {
  return candidatesOf(versions).flatMap((ref) => {
    const credential = credentials.get(ref.version);
    return credential === undefined ? [] : [{ ...ref, credential }];
  });
}

function warning(code: string, secretId: string): Plan['findings'][number] {
  return { code, severity: 'warns', details: { secretId } };
}
