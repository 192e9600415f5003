/** What a piece of work will send, with every value masked, and what it costs the application; nothing is changed. */
import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import type { Slot, Statement } from '@sikkerkey/core/rotation/types.ts';
import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import { type AdoptionStatement, slotStatements, unAdoptionStatements } from './adopt.ts';
import { disableSql, enableSql, setSql } from './apply.ts';
import { nextSlot, type PostgresqlEngineConfig, roleOfSlot } from './config.ts';
import type { Inspection } from './inspect.ts';
import { slotComment } from './marker.ts';

/** How long published readers may keep a value after it was replaced: the cache of the official SDKs. */
const longestReaderCacheSeconds = 15;
/** Stands where the verifier of the new password will be. */
const maskedVerifier = '‹verifier›';

/** The plan of a rotation, an adoption or its way back, from an inspection for the same kind. `live` is the slot in use. */
export function planWork(kind: WorkKind, inspection: Inspection, config: PostgresqlEngineConfig, live: Slot): Plan {
  const { statements, retirement, outageSeconds, why } = work(kind, inspection, config, live);
  return {
    secretId: config.secretId,
    kind,
    strategy: kind === 'rotate' ? config.strategy : 'flip',
    why,
    server: { version: inspection.serverVersion, superuser: inspection.superuser, sessions: inspection.sessions },
    tls: config.tls.mode,
    statements: [...statements],
    retirement: [...retirement],
    predictedOutageSeconds: outageSeconds,
    findings: inspection.findings.map((finding) => ({ ...finding })),
  };
}

export type WorkKind = 'rotate' | 'adopt' | 'un-adopt';

/** What an exit does, decided by whoever looked; this only puts it into the form of a plan. */
export interface ExitWork extends Pick<Work, 'statements' | 'why'> {
  readonly kind: Exclude<Plan['kind'], 'rotate' | 'adopt'>;
  readonly retirement?: readonly AdoptionStatement[];
  readonly findings?: Plan['findings'];
}

/** The plan of an exit: giving an adoption up, making dropped slots again, going on at another server. */
export function planExit(exit: ExitWork, inspection: Inspection, config: PostgresqlEngineConfig): Plan {
  return {
    secretId: config.secretId,
    kind: exit.kind,
    strategy: config.strategy,
    why: exit.why,
    server: { version: inspection.serverVersion, superuser: inspection.superuser, sessions: inspection.sessions },
    tls: config.tls.mode,
    statements: [...exit.statements],
    retirement: [...(exit.retirement ?? [])],
    predictedOutageSeconds: 0,
    findings: [...inspection.findings.map((finding) => ({ ...finding })), ...(exit.findings ?? [])],
  };
}

/** Statements that the rotation has planned, as people read them. Throws EngineFailure for what this engine does not do. */
export function statementTexts(statements: readonly Statement[], config: PostgresqlEngineConfig): readonly AdoptionStatement[] {
  return statements.map((statement) => {
    switch (statement.kind) {
      case 'enable':
        return textFor(roleOfSlot(config.owner, statement.slot), (role) => enableSql(role, maskedVerifier));
      case 'disable':
        return textFor(roleOfSlot(config.owner, statement.slot), disableSql);
      case 'set':
        return textFor(config.owner, (role) => setSql(role, maskedVerifier));
      case 'set-retaining':
      case 'discard':
        throw new EngineFailure('needs-person', 'statement-unsupported');
      default:
        return statement satisfies never;
    }
  });
}

/** The removal of the slots that are there and were made for this secret. */
export function slotRemoval({ facts }: Inspection, config: PostgresqlEngineConfig): readonly AdoptionStatement[] {
  const ours = facts.roles.filter((role) => role.comment === slotComment(config.secretId)).map(({ name }) => name);
  return unAdoptionStatements(config).filter(({ target }) => ours.includes(target));
}

function textFor(target: string, sql: (role: string) => string): AdoptionStatement {
  return { target, text: sql(target), repeatable: true };
}

interface Work {
  readonly statements: readonly AdoptionStatement[];
  readonly retirement: readonly AdoptionStatement[];
  readonly outageSeconds: number;
  readonly why: string;
}

function work(kind: WorkKind, inspection: Inspection, config: PostgresqlEngineConfig, live: Slot): Work {
  const role = (slot: Slot): string => roleOfSlot(config.owner, slot);
  const enable = (slot: Slot): AdoptionStatement => ({ target: role(slot), text: enableSql(role(slot), maskedVerifier), repeatable: true });
  const disable = (slot: Slot): AdoptionStatement => ({ target: role(slot), text: disableSql(role(slot)), repeatable: true });
  switch (kind) {
    case 'adopt':
      return {
        statements: [...adoption(inspection, config), enable('a')],
        retirement: [disable('owner')],
        outageSeconds: 0,
        why: 'the login keeps working until its readers have moved to the first slot',
      };
    case 'un-adopt':
      return {
        statements: [enable('owner')],
        retirement: [disable(live), ...unAdoptionStatements(config)],
        outageSeconds: 0,
        why: 'the slot keeps working until its readers have moved back to the login',
      };
    case 'rotate': {
      if (config.strategy === 'single') {
        const set = { target: config.owner, text: setSql(config.owner, maskedVerifier), repeatable: true };
        return {
          statements: [set],
          retirement: [],
          outageSeconds: longestReaderCacheSeconds,
          why: 'one login has one password: readers fail until they have read the new one',
        };
      }
      return {
        statements: [enable(nextSlot('flip', live))],
        retirement: [disable(live)],
        outageSeconds: 0,
        why: 'the login before keeps working until its readers have moved to the next',
      };
    }
    default:
      return kind satisfies never;
  }
}

function adoption(inspection: Inspection, config: PostgresqlEngineConfig): readonly AdoptionStatement[] {
  const owner = inspection.facts.roles.find((one) => one.name === config.owner);
  if (owner === undefined) return [];
  const { settings, server } = inspection.facts;
  const copied = settings.filter((setting) => inspection.superuser || !setting.needsSuperuser);
  return (['a', 'b'] as const).flatMap((slot) => slotStatements(config, slot, owner, copied, server.versionNumber));
}
