/** What a piece of work will send, with every value masked, and what it costs the application; nothing is changed. */
import type { Slot } from '@sikkerkey/core/rotation/types.ts';
import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import { type AdoptionStatement, slotStatements, unAdoptionStatements } from './adopt.ts';
import { disableSql, enableSql, setSql } from './apply.ts';
import { nextSlot, type PostgresqlEngineConfig, roleOfSlot } from './config.ts';
import type { Inspection, PlanKind } from './inspect.ts';

/** How long published readers may keep a value after it was replaced: the cache of the official SDKs. */
const longestReaderCacheSeconds = 15;
/** Stands where the verifier of the new password will be. */
const maskedVerifier = '‹verifier›';

/** The plan of a rotation, an adoption or its way back, from an inspection for the same kind. `live` is the slot in use. */
export function planWork(kind: PlanKind, inspection: Inspection, config: PostgresqlEngineConfig, live: Slot): Plan {
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

interface Work {
  readonly statements: readonly AdoptionStatement[];
  readonly retirement: readonly AdoptionStatement[];
  readonly outageSeconds: number;
  readonly why: string;
}

function work(kind: PlanKind, inspection: Inspection, config: PostgresqlEngineConfig, live: Slot): Work {
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
