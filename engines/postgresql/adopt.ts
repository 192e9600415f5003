/**
 * Adoption gives an existing login role two slots to take turns, and un-adoption takes them away again. No credential
 * is touched here: the slots are born unable to log in, and the owner keeps its login until its own retirement.
 */
import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import { type EngineDependencies, type PostgresqlEngineConfig, roleOfSlot } from './config.ts';
import { ownStates } from './errors.ts';
import type { RoleFacts, RoleSetting } from './facts.ts';
import { readFacts } from './facts.ts';
import { type FencedConnection, openFenced } from './fence.ts';
import { type Inspection, judge } from './inspect.ts';
import { markerRelease, slotComment } from './marker.ts';
import { probeApplicationName } from './probe.ts';
import { quoteIdentifier, quoteLiteral } from './quote.ts';

/** A statement for people: `text` shows no value, `repeatable` ones may be sent again without looking. */
export interface AdoptionStatement {
  readonly target: string;
  readonly text: string;
  readonly repeatable: boolean;
}

/** Settings whose value is a list of names, each quoted by itself (GUC_LIST_QUOTE in PostgreSQL's guc.h). */
const listSettings = new Set([
  'search_path',
  'temp_tablespaces',
  'local_preload_libraries',
  'session_preload_libraries',
  'unix_socket_directories',
]);

/**
 * Makes both slots as the plan shows them; what is there already is brought to the same state. The epoch is that of the
 * claim for the adoption. Throws EngineFailure (`needs-person` with the code of a finding that blocks).
 */
export async function prepareAdoption(
  config: PostgresqlEngineConfig,
  epoch: number,
  dependencies: EngineDependencies,
  signal: AbortSignal,
  expectedServer: string | null,
): Promise<void> {
  await withFence(config, epoch, dependencies, signal, expectedServer, async (fenced) => {
    const inspection = judge(await readFacts(fenced, config, signal), config, 'adopt');
    const blocking = inspection.findings.find((finding) => finding.severity === 'blocks');
    // A resumed adoption may find the owner retired already; its slots are then as they should be.
    if (blocking !== undefined && !(blocking.code === 'role-may-not-log-in' && inspection.slotsReady)) {
      throw new EngineFailure('needs-person', blocking.code, { details: blocking.details });
    }
    const owner = inspection.facts.roles.find((role) => role.name === config.owner);
    if (owner === undefined) throw new EngineFailure('needs-person', 'role-missing');
    const settings = inspection.facts.settings.filter((setting) => inspection.superuser || !setting.needsSuperuser);
    await fenced.change(adoptionBody(config, owner, settings, inspection.facts.server.versionNumber), signal);
  });
}

/**
 * Makes the slots that somebody dropped, unable to log in; those that are there are left as they are. The owner may be
 * retired. Repeatable. Throws EngineFailure (`needs-person` with the code of a finding that blocks).
 */
export async function recreateSlots(
  config: PostgresqlEngineConfig,
  epoch: number,
  dependencies: EngineDependencies,
  signal: AbortSignal,
  expectedServer: string | null,
): Promise<void> {
  await withFence(config, epoch, dependencies, signal, expectedServer, async (fenced) => {
    const inspection = judge(await readFacts(fenced, config, signal), config, 'recreate-slots');
    const blocking = inspection.findings.find((finding) => finding.severity === 'blocks');
    if (blocking !== undefined) throw new EngineFailure('needs-person', blocking.code);
    const missing = missingSlots(inspection, config);
    const body = missing.flatMap(({ target, statements }) => [
      `IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${quoteLiteral(target)}) THEN`,
      ...statements.map(({ text }) => `${text};`),
      'END IF;',
    ]);
    await fenced.change(body.join('\n'), signal);
  });
}

/** The slots that are not in the database, each with the statements that make it. */
export function missingSlots(
  { facts, superuser }: Inspection,
  config: PostgresqlEngineConfig,
): readonly { readonly target: string; readonly statements: readonly AdoptionStatement[] }[] {
  const owner = facts.roles.find((role) => role.name === config.owner);
  if (owner === undefined) return [];
  const settings = facts.settings.filter((setting) => superuser || !setting.needsSuperuser);
  return (['a', 'b'] as const)
    .map((slot) => ({
      target: roleOfSlot(config.owner, slot),
      statements: slotStatements(config, slot, owner, settings, facts.server.versionNumber),
    }))
    .filter(({ target }) => !facts.roles.some((role) => role.name === target));
}

/**
 * Drops the slots after the rotation back to the owner was retired; a role that only has the name of one is somebody else's,
 * and stays. Refuses slots that may still log in, are in use or own something. Repeatable. Throws EngineFailure.
 */
export async function finishUnAdoption(
  config: PostgresqlEngineConfig,
  epoch: number,
  dependencies: EngineDependencies,
  signal: AbortSignal,
  expectedServer: string | null,
): Promise<void> {
  await withFence(config, epoch, dependencies, signal, expectedServer, (fenced) =>
    fenced.change(`${unAdoptionBody(config)}${markerRelease(config.owner)}`, signal),
  );
}

async function withFence(
  config: PostgresqlEngineConfig,
  epoch: number,
  dependencies: EngineDependencies,
  signal: AbortSignal,
  expectedServer: string | null,
  work: (fenced: FencedConnection) => Promise<void>,
): Promise<void> {
  const fenced = await openFenced(config, { secretId: config.secretId, epoch }, dependencies.clock, signal, expectedServer);
  try {
    await work(fenced);
  } finally {
    await fenced.close();
  }
}

/** The statements of adoption for one slot, in their order; the plan shows the same texts that are executed. */
export function slotStatements(
  config: PostgresqlEngineConfig,
  slot: 'a' | 'b',
  owner: RoleFacts,
  settings: readonly RoleSetting[],
  versionNumber: number,
): readonly AdoptionStatement[] {
  const target = roleOfSlot(config.owner, slot);
  const role = quoteIdentifier(target);
  const ownerRole = quoteIdentifier(config.owner);
  const options = versionNumber >= 160_000 ? ' WITH ADMIN FALSE, INHERIT TRUE, SET TRUE' : '';
  const step = (text: string, repeatable = true): AdoptionStatement => ({ target, text, repeatable });
  return [
    step(`CREATE ROLE ${role} NOLOGIN`, false),
    step(`COMMENT ON ROLE ${role} IS ${quoteLiteral(slotComment(config.secretId))}`),
    step(`GRANT ${ownerRole} TO ${role}${options}`),
    step(`ALTER ROLE ${role} CONNECTION LIMIT ${owner.connectionLimit}`),
    ...settings.map((setting) => step(settingSql(role, setting))),
    // Last, since it decides as whom the slot acts: objects it creates belong to the owner.
    step(`ALTER ROLE ${role} SET role TO ${quoteLiteral(config.owner)}`),
  ];
}

export function unAdoptionStatements(config: PostgresqlEngineConfig): readonly AdoptionStatement[] {
  return (['a', 'b'] as const).map((slot) => {
    const target = roleOfSlot(config.owner, slot);
    return { target, text: `DROP ROLE ${quoteIdentifier(target)}`, repeatable: false };
  });
}

function settingSql(role: string, setting: RoleSetting): string {
  const where = setting.database === null ? '' : ` IN DATABASE ${quoteIdentifier(setting.database)}`;
  const name = setting.name.split('.').map(quoteIdentifier).join('.');
  const value = listSettings.has(setting.name) ? splitNames(setting.value).map(quoteLiteral).join(', ') : quoteLiteral(setting.value);
  return `ALTER ROLE ${role}${where} SET ${name} TO ${value === '' ? "''" : value}`;
}

/** Reads a stored list as SplitGUCList does: names in double quotes with doubled quotes inside, or bare. */
function splitNames(list: string): string[] {
  return [...list.matchAll(/"((?:[^"]|"")*)"|([^,\s]+)/g)].map((found) => found[1]?.replaceAll('""', '"') ?? found[2] ?? '');
}

function adoptionBody(config: PostgresqlEngineConfig, owner: RoleFacts, settings: readonly RoleSetting[], versionNumber: number): string {
  const slots = (['a', 'b'] as const).map((slot) => {
    const [create, ...rest] = slotStatements(config, slot, owner, settings, versionNumber);
    const name = quoteLiteral(roleOfSlot(config.owner, slot));
    const role = quoteIdentifier(roleOfSlot(config.owner, slot));
    return `
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${name}) THEN
    ${create?.text ?? ''};
  ELSIF shobj_description((SELECT oid FROM pg_roles WHERE rolname = ${name}), 'pg_authid') IS DISTINCT FROM ${quoteLiteral(slotComment(config.secretId))} THEN
    RAISE EXCEPTION USING ERRCODE = '${ownStates.slotNameTaken}', MESSAGE = 'slot name is taken';
  ELSE
    ALTER ROLE ${role} RESET ALL;
    FOR database_name IN SELECT d.datname FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
      JOIN pg_roles r ON r.oid = s.setrole WHERE r.rolname = ${name}
    LOOP
      EXECUTE format('ALTER ROLE %I IN DATABASE %I RESET ALL', ${name}, database_name);
    END LOOP;
  END IF;
  ${rest.map((statement) => `${statement.text};`).join('\n  ')}`;
  });
  return slots.join('\n');
}

function unAdoptionBody(config: PostgresqlEngineConfig): string {
  const ours = quoteLiteral(slotComment(config.secretId));
  const drops = unAdoptionStatements(config).map(({ target, text }) => {
    const name = quoteLiteral(target);
    const slotOid = `(SELECT oid FROM pg_roles WHERE rolname = ${name})`;
    const refuse = (condition: string, state: string, message: string): string =>
      `IF ${condition} THEN RAISE EXCEPTION USING ERRCODE = '${state}', MESSAGE = '${message}'; END IF;`;
    return `
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = ${name} AND shobj_description(oid, 'pg_authid') = ${ours}) THEN
    ${refuse(`(SELECT rolcanlogin FROM pg_roles WHERE rolname = ${name})`, ownStates.slotStillLogsIn, 'slot may still log in')}
    ${refuse(`EXISTS (SELECT FROM pg_stat_activity WHERE usename = ${name} AND application_name <> '${probeApplicationName}')`, ownStates.slotInUse, 'slot is in use')}
    ${refuse(`EXISTS (SELECT FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = ${slotOid} AND deptype = 'o')`, ownStates.slotOwnsObjects, 'slot owns objects')}
    ${text};
  END IF;`;
  });
  return drops.join('\n');
}
