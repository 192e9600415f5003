/**
 * Looks at a server before anything is changed and says what blocks, what a person should know and what follows from
 * it. Findings carry codes and facts; the words are the front ends'.
 */
import { type EngineDependencies, maxRoleNameBytes, type PostgresqlEngineConfig, roleOfSlot } from './config.ts';
import { type DatabaseFacts, type RoleFacts, readFacts } from './facts.ts';
import { readFingerprint } from './fence.ts';
import { blocks, type Finding, informs, warns, when } from './finding.ts';
import { hbaFindings, hbaMarks } from './hba.ts';
import { slotComment } from './marker.ts';
import { connectAsObserver } from './observer.ts';
import { checkPasswords } from './probe.ts';

export type { Finding } from './finding.ts';

/**
 * `give-up`: an adoption that has not gone live is taken back · `recreate-slots`: slots that somebody dropped are made again ·
 * `way-back`: an un-adoption at any time, from whichever slot is in use by then.
 */
export type PlanKind = 'rotate' | 'adopt' | 'un-adopt' | 'way-back' | 'give-up' | 'recreate-slots';

export interface Inspection {
  /** As `18.4`. */
  readonly serverVersion: string;
  readonly superuser: boolean;
  /** Sessions of the owner and its slots. */
  readonly sessions: number;
  /** Both login slots are there and were made for this secret. */
  readonly slotsReady: boolean;
  readonly facts: DatabaseFacts;
  readonly findings: readonly Finding[];
  /** By which it is known again what these findings show of pg_hba.conf, where a person accepts it. */
  readonly hbaMarks: readonly string[];
}

/** Connects as the administrator and inspects for this kind of work; changes nothing. Throws EngineFailure where no connection can be had. */
export async function inspect(
  config: PostgresqlEngineConfig,
  kind: PlanKind,
  dependencies: EngineDependencies,
  signal: AbortSignal,
): Promise<Inspection> {
  const connection = await connectAsObserver(config, dependencies.clock, signal);
  try {
    const inspection = judge(await readFacts(connection, config, signal), config, kind);
    return { ...inspection, findings: [...inspection.findings, ...(await probeFindings(config, kind, dependencies, signal))] };
  } finally {
    await connection.close();
  }
}

/** Which server answers now, as the fence names it; null where that cannot be told. Reads only. Throws EngineFailure. */
export async function identifyServer(
  config: PostgresqlEngineConfig,
  dependencies: EngineDependencies,
  signal: AbortSignal,
): Promise<string | null> {
  const connection = await connectAsObserver(config, dependencies.clock, signal);
  try {
    return await readFingerprint(connection, signal);
  } finally {
    await connection.close();
  }
}

/**
 * Whether passwords are compared for each login, found by trying a random one from here. A slot need not exist for that:
 * the server then pretends to compare, so even before adoption this shows which line of pg_hba.conf it would meet.
 */
async function probeFindings(
  config: PostgresqlEngineConfig,
  kind: PlanKind,
  dependencies: EngineDependencies,
  signal: AbortSignal,
): Promise<Finding[]> {
  // What is given up proves no password.
  if (config.owner === config.adminUser || kind === 'give-up') return [];
  const slots = kind === 'rotate' && config.strategy === 'single' ? (['owner'] as const) : (['owner', 'a', 'b'] as const);
  const findings: Finding[] = [];
  for (const role of slots.map((slot) => roleOfSlot(config.owner, slot))) {
    const check = await checkPasswords(config, { host: config.host, port: config.port }, role, dependencies, signal);
    if (check.kind === 'not-enforced') findings.push(blocks(check.code, { role }));
    if (check.kind === 'failed') findings.push(warns('login-not-probed', { role, reason: check.failure.code }));
  }
  return findings;
}

/** The findings that follow from the facts; pure. */
export function judge(facts: DatabaseFacts, config: PostgresqlEngineConfig, kind: PlanKind): Inspection {
  const usesSlots = (kind !== 'rotate' && kind !== 'give-up') || config.strategy === 'flip';
  const owner = facts.roles.find((role) => role.name === config.owner);
  const slots = facts.roles.filter((role) => role.name !== config.owner);
  const { present, next } = waysIn(facts, config, kind, usesSlots);
  return {
    serverVersion: facts.server.version,
    superuser: facts.server.isSuperuser,
    sessions: facts.roles.reduce((sum, role) => sum + role.sessions, 0),
    slotsReady: slots.filter((slot) => slot.comment === slotComment(config.secretId)).length === 2,
    facts,
    findings: [
      ...serverFindings(facts, config),
      ...ownerFindings(owner, facts, config, kind),
      ...(usesSlots ? slotFindings(slots, facts, config, kind) : []),
      ...(usesSlots && kind !== 'give-up' && owner !== undefined ? copyFindings(owner, facts) : []),
      ...hbaFindings(facts.hba, present, next, config.acceptedHba ?? []),
    ],
    hbaMarks: next.length === 0 ? [] : hbaMarks(facts.hba, [...present, ...next]),
  };
}

function serverFindings({ server }: DatabaseFacts, config: PostgresqlEngineConfig): Finding[] {
  const free = server.maxConnections - server.connectionsInUse;
  return [
    ...when(server.versionNumber < 130_000, blocks('server-too-old', { version: server.version })),
    ...when(server.inRecovery, blocks('server-is-standby')),
    ...when(server.isPooled, blocks('connected-through-pooler')),
    ...when(!server.readsAllStatistics, warns('sessions-hidden', { admin: config.adminUser })),
    ...when(!server.readsVerifiers, informs('verifiers-hidden')),
    ...when(!server.isIdentified, warns('server-not-identified', { admin: config.adminUser })),
    ...when(free < 10, warns('connections-nearly-exhausted', { free })),
    ...when(
      server.databaseLimit >= 0 && server.databaseLimit - server.databaseSessions < 2,
      warns('database-limit-nearly-used', { database: config.database, limit: server.databaseLimit, sessions: server.databaseSessions }),
    ),
    ...when(server.logsStatements, informs('statements-are-logged')),
    ...when(config.tls.mode === 'disable', warns('tls-disabled')),
    ...when(config.tls.mode === 'require' || config.tls.mode === 'verify-ca', warns('tls-not-fully-verified', { mode: config.tls.mode })),
  ];
}

function ownerFindings(owner: RoleFacts | undefined, { server }: DatabaseFacts, config: PostgresqlEngineConfig, kind: PlanKind): Finding[] {
  const role = config.owner;
  if (role === config.adminUser) return [blocks('owner-is-administrator', { role })];
  if (owner === undefined) return [blocks('role-missing', { role })];
  const marker = owner.marker;
  return [
    ...when(!owner.mayBeAltered, blocks('admin-option-missing', { role, admin: config.adminUser })),
    ...(marker === null || marker.secretId === config.secretId
      ? []
      : [blocks('managed-by-another-secret', { role, otherSecretId: marker.secretId })]),
    ...(kind === 'give-up' ? [] : loginFindings(owner, server, config, kind)),
  ];
}

/** What matters where the login itself is to be used further. */
function loginFindings(owner: RoleFacts, server: DatabaseFacts['server'], config: PostgresqlEngineConfig, kind: PlanKind): Finding[] {
  const role = config.owner;
  // A slot begins with no session and the owner's limit.
  const sessions = config.strategy === 'single' ? owner.sessions : 0;
  const isLimited = owner.connectionLimit >= 0 && !owner.isSuperuser;
  return [
    ...when(
      isLimited && owner.connectionLimit - sessions < 2,
      warns('login-limit-nearly-used', { role, limit: owner.connectionLimit, sessions }),
    ),
    ...when(!owner.mayLogIn && (kind === 'adopt' || config.strategy === 'single'), blocks('role-may-not-log-in', { role })),
    ...when(owner.hasExpiry, warns('expiry-will-be-cleared', { role })),
    ...when(owner.verifierKind === 'md5' || (owner.verifierKind === 'hidden' && server.storesMd5), warns('md5-becomes-scram', { role })),
    ...when(owner.isSuperuser, warns('role-is-superuser', { role })),
  ];
}

function slotFindings(slots: readonly RoleFacts[], facts: DatabaseFacts, config: PostgresqlEngineConfig, kind: PlanKind): Finding[] {
  const bytes = Buffer.byteLength(config.owner) + 2;
  if (bytes > maxRoleNameBytes)
    return [blocks('role-name-too-long', { role: config.owner, bytes: bytes - 2, limit: maxRoleNameBytes - 2 })];
  const ours = slotComment(config.secretId);
  const missing = (['a', 'b'] as const)
    .map((slot) => roleOfSlot(config.owner, slot))
    .filter((name) => !slots.some((slot) => slot.name === name));
  return [
    // A role that is not ours is left alone; giving up needs none of its names.
    ...slots.filter((slot) => slot.comment !== ours && kind !== 'give-up').map((slot) => blocks('slot-name-taken', { role: slot.name })),
    ...slots
      .filter((slot) => slot.comment === ours && !slot.mayBeAltered)
      .map((slot) => blocks('admin-option-missing', { role: slot.name, admin: config.adminUser })),
    ...when(
      (kind === 'adopt' || kind === 'recreate-slots') && missing.length > 0 && !facts.server.mayCreateRoles,
      blocks('admin-may-not-create-roles', { admin: config.adminUser }),
    ),
    ...(kind === 'rotate' || kind === 'un-adopt' ? missing.map((role) => blocks('slot-missing', { role })) : []),
  ];
}

/** What a slot gets from the owner, and what cannot follow. */
function copyFindings(owner: RoleFacts, facts: DatabaseFacts): Finding[] {
  const own = facts.settings.find((setting) => setting.name === 'role');
  const uncopied = facts.server.isSuperuser ? [] : facts.settings.filter((setting) => setting.needsSuperuser);
  return [
    ...when(own !== undefined, blocks('owner-takes-other-role', { role: owner.name })),
    ...uncopied.map((setting) => warns('role-setting-not-copied', { setting: setting.name })),
    ...when(owner.connectionLimit >= 0, informs('connection-limit-per-slot', { limit: owner.connectionLimit })),
    ...when(owner.mayReplicate, warns('replication-not-carried-over', { role: owner.name })),
    ...when(facts.policiesOnSessionUser > 0, warns('policies-use-session-user', { count: facts.policiesOnSessionUser })),
  ];
}

/** Which logins are used now (`present`) and which will be, by what each kind of work does. */
function waysIn(
  facts: DatabaseFacts,
  { owner }: PostgresqlEngineConfig,
  kind: PlanKind,
  usesSlots: boolean,
): { readonly present: readonly string[]; readonly next: readonly string[] } {
  const slots = [roleOfSlot(owner, 'a'), roleOfSlot(owner, 'b')];
  if (kind === 'way-back') return { present: slots, next: [owner] };
  const inUse = facts.roles.filter((role) => role.mayLogIn).map(({ name }) => name);
  const after = kind === 'un-adopt' ? [owner] : slots;
  return { present: usesSlots && inUse.length > 0 ? inUse : [owner], next: usesSlots && kind !== 'give-up' ? after : [] };
}
