import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { errorCatalogue, isErrorCode } from '@sikkerkey/protocol/error-catalogue.ts';
import { expect, it } from 'vitest';
import type { PostgresqlEngineConfig } from './config.ts';
import { classify } from './errors.ts';
import type { DatabaseFacts, RoleFacts } from './facts.ts';
import type { HbaRule } from './hba-rules.ts';
import { judge } from './inspect.ts';

const config: PostgresqlEngineConfig = {
  secretId: 'sec_1',
  host: 'db.example',
  port: 5432,
  database: 'shop',
  adminUser: 'admin',
  adminPassword: new SecretText('unused'),
  tls: { mode: 'require' },
  owner: 'app',
  strategy: 'flip',
};

const worstRole: RoleFacts = {
  name: 'app',
  mayLogIn: false,
  isSuperuser: true,
  mayReplicate: true,
  connectionLimit: 3,
  hasExpiry: true,
  comment: null,
  marker: { secretId: 'another', epoch: 4 },
  mayBeAltered: false,
  verifierKind: 'md5',
  sessions: 2,
};

const hbaLine: HbaRule = {
  file: '/etc/pg_hba.conf',
  line: 1,
  type: 'host',
  address: 'all',
  netmask: null,
  method: 'scram-sha-256',
  options: [],
  databases: ['all'],
  logins: [],
};

const worst: DatabaseFacts = {
  server: {
    version: '12.1',
    versionNumber: 120_001,
    inRecovery: true,
    isPooled: true,
    maxConnections: 20,
    connectionsInUse: 15,
    isSuperuser: false,
    mayCreateRoles: false,
    readsAllStatistics: false,
    readsVerifiers: false,
    logsStatements: true,
    isIdentified: false,
    storesMd5: true,
    databaseLimit: 9,
    databaseSessions: 8,
  },
  roles: [worstRole, { ...worstRole, name: 'app_a', sessions: 1 }],
  settings: [
    { database: null, name: 'role', value: 'other', needsSuperuser: false },
    { database: 'shop', name: 'log_statement', value: 'all', needsSuperuser: true },
  ],
  hba: {
    kind: 'read',
    clients: [],
    databases: [
      {
        database: 'shop',
        alike: ['shop'],
        isUsed: true,
        rules: [
          { ...hbaLine, line: 3, method: 'trust', address: '10.0.0.0', netmask: '255.0.0.0', logins: ['app', 'app_a', 'app_b'] },
          { ...hbaLine, line: 4, logins: ['app'] },
          { ...hbaLine, line: 6, method: 'trust', logins: [] },
        ],
      },
    ],
  },
  policiesOnSessionUser: 2,
};

it('says everything that is wrong at once, each with the facts that its words need', () => {
  const { findings, sessions } = judge(worst, config, 'adopt');

  expect(sessions).toBe(3);
  expect(findings.filter((finding) => finding.severity === 'blocks').map((finding) => finding.code)).toEqual([
    'server-too-old',
    'server-is-standby',
    'connected-through-pooler',
    'admin-option-missing',
    'managed-by-another-secret',
    'role-may-not-log-in',
    'slot-name-taken',
    'admin-may-not-create-roles',
    'owner-takes-other-role',
    'hba-differs-for-slots',
    'hba-differs-for-slots',
  ]);
  for (const { code, details } of findings) {
    if (!isErrorCode(code)) throw new Error(`${code} has no words`);
    expect(Object.keys(details), code).toEqual(expect.arrayContaining([...errorCatalogue[code].details]));
  }
});

it('names only the lines of pg_hba.conf that are for this login, and blocks where its slots would meet another', () => {
  const { findings } = judge(worst, config, 'adopt');

  expect(findings.filter((finding) => finding.code.startsWith('hba-'))).toEqual([
    { code: 'hba-trust-line', severity: 'warns', details: { file: '/etc/pg_hba.conf', line: 3 } },
    ...['app_a', 'app_b'].map((slot) => ({
      code: 'hba-differs-for-slots',
      severity: 'blocks',
      details: {
        file: '/etc/pg_hba.conf',
        line: 4,
        database: 'shop',
        role: 'app',
        slot,
        gives: 'scram-sha-256 (line 4)',
        meets: 'no line (refused)',
      },
    })),
  ]);
});

it.each(['app_a', 'app_b'])('shows and marks the way back from either slot, while %s is in use', (live) => {
  const roles = worst.roles.map((role) => ({ ...role, mayLogIn: role.name === live }));
  const inspection = judge({ ...worst, roles }, config, 'way-back');
  const kept = { ...config, acceptedHba: inspection.hbaMarks };

  expect(inspection.findings.filter(({ code }) => code === 'hba-differs-for-slots')).toMatchObject([
    { severity: 'blocks', details: { role: 'app_a', slot: 'app' } },
    { severity: 'blocks', details: { role: 'app_b', slot: 'app' } },
  ]);
  expect(judge({ ...worst, roles }, kept, 'way-back').findings.filter(({ code }) => code === 'hba-differs-for-slots')).toMatchObject([
    { severity: 'warns' },
    { severity: 'warns' },
  ]);
});

it('marks before the way back all that was marked at adoption and is still so', () => {
  const standing = (live: string): DatabaseFacts => ({
    ...worst,
    roles: worst.roles.map((role) => ({ ...role, mayLogIn: role.name === live })),
  });
  const { hbaMarks } = judge(standing('app'), config, 'adopt');

  expect(hbaMarks.length).toBeGreaterThan(0);
  expect(judge(standing('app_b'), config, 'way-back').hbaMarks.toSorted()).toEqual(hbaMarks.toSorted());
});

it('warns only of a different way in that a person has accepted', () => {
  const { findings } = judge(worst, { ...config, acceptedHba: 'all' }, 'adopt');

  expect(findings.filter(({ code }) => code === 'hba-differs-for-slots').map(({ severity }) => severity)).toEqual(['warns', 'warns']);
});

it.each([
  { state: '57P01', phase: 'session', kind: 'session-lost' },
  { state: '57P01', phase: 'connect', kind: 'transient' },
  { state: '08006', phase: 'session', kind: 'session-lost' },
  { state: 'ECONNRESET', phase: 'session', kind: 'session-lost' },
  { state: 'ECONNRESET', phase: 'connect', kind: 'transient' },
  { state: 'EPIPE', phase: 'session', kind: 'session-lost' },
  { state: 'ENOTFOUND', phase: 'connect', kind: 'transient' },
  { state: '53300', phase: 'connect', kind: 'transient' },
  { state: '57P03', phase: 'connect', kind: 'transient' },
  { state: '55P03', phase: 'session', kind: 'transient' },
  { state: '57014', phase: 'session', kind: 'transient' },
  { state: '40001', phase: 'session', kind: 'transient' },
  { state: 'XX000', phase: 'session', kind: 'transient' },
  { state: '25006', phase: 'session', kind: 'transient' },
  { state: '28P01', phase: 'connect', kind: 'needs-person' },
  { state: '42501', phase: 'session', kind: 'needs-person' },
  { state: '3D000', phase: 'connect', kind: 'needs-person' },
] as const)('takes $state while in $phase for $kind', ({ state, phase, kind }) => {
  const failure = classify(Object.assign(new Error('password=hunter2'), { code: state }), phase);

  expect(failure).toBeInstanceOf(EngineFailure);
  expect({ kind: failure.kind, code: failure.code }).toEqual({ kind, code: state });
});

it('carries no word of the driver, which may quote a statement', () => {
  const failure = classify(Object.assign(new Error('password=hunter2'), { code: 'not a code, password=hunter2' }), 'session');

  expect(JSON.stringify([failure.message, failure.code, failure.stack, failure.cause])).not.toContain('hunter2');
});
