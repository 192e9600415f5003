import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { prepareAdoption } from '@sikkerkey/engines/postgresql/adopt.ts';
import type { PostgresqlEngineConfig } from '@sikkerkey/engines/postgresql/config.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { type Finding, inspect, type PlanKind } from '@sikkerkey/engines/postgresql/inspect.ts';
import { planWork } from '@sikkerkey/engines/postgresql/plan.ts';
import { availablePostgresqlVersions } from '@sikkerkey/local-servers/postgresql/start.ts';
import { plan as planSchema } from '@sikkerkey/protocol/local/methods.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { type App, dependencies, type Fixture, patience, startFixture } from './fixture.ts';

describe.each(await availablePostgresqlVersions())('inspection on PostgreSQL %i', (major) => {
  let db: Fixture;
  beforeAll(async () => {
    db = await startFixture({
      major,
      hba: [
        'host all trusted_here 127.0.0.1/32 trust',
        'host all only_owner,postgres 127.0.0.1/32 scram-sha-256',
        'host all half_b 127.0.0.1/32 reject',
      ],
    });
  }, 60_000);
  afterAll(() => db.stop());

  const findingsFor = async (app: App, kind: PlanKind, change: Partial<PostgresqlEngineConfig> = {}): Promise<readonly Finding[]> =>
    (await inspect({ ...app.config, ...change }, kind, dependencies, patience())).findings;
  const codes = (findings: readonly Finding[], severity?: Finding['severity']): string[] =>
    findings.filter((finding) => severity === undefined || finding.severity === severity).map((finding) => finding.code);
  const limitedAdmin = async (app: App, attributes: string): Promise<Partial<PostgresqlEngineConfig>> => {
    const adminUser = `admin-${app.owner}`;
    await db.sql(`CREATE ROLE "${adminUser}" LOGIN ${attributes} PASSWORD 'a-limited-administrator'`);
    return { adminUser, adminPassword: new SecretText('a-limited-administrator') };
  };

  it('finds nothing that blocks for an ordinary role and a superuser, for any kind of work', async () => {
    const app = await db.makeApp();

    expect(codes(await findingsFor(app, 'adopt'), 'blocks')).toEqual([]);
    expect(codes(await findingsFor(app, 'rotate', { strategy: 'single' }), 'blocks')).toEqual([]);
    await prepareAdoption(app.config, 1, dependencies, patience(), null);
    expect(codes(await findingsFor(app, 'rotate'), 'blocks')).toEqual([]);
    expect(codes(await findingsFor(app, 'un-adopt'), 'blocks')).toEqual([]);
  });

  it.each([
    { name: 'the role is missing', change: { owner: 'not-there' }, code: 'role-missing' },
    { name: 'the role is the administrator', change: { owner: 'postgres' }, code: 'owner-is-administrator' },
  ])('blocks when $name', async ({ change, code }) => {
    expect(codes(await findingsFor(await db.makeApp(), 'adopt', change), 'blocks')).toEqual([code]);
  });

  it('blocks a rotation by slots that are not there', async () => {
    const findings = await findingsFor(await db.makeApp(), 'rotate');

    expect(codes(findings, 'blocks')).toEqual(['slot-missing', 'slot-missing']);
  });

  it('blocks when the role may not log in', async () => {
    const app = await db.makeApp();
    await db.sql(`ALTER ROLE "${app.owner}" NOLOGIN`);

    expect(codes(await findingsFor(app, 'adopt'), 'blocks')).toEqual(['role-may-not-log-in']);
  });

  it('blocks when another secret manages the role', async () => {
    const app = await db.makeApp();
    await prepareAdoption(app.config, 1, dependencies, patience(), null);

    expect(codes(await findingsFor(app, 'rotate', { secretId: 'another', strategy: 'single' }), 'blocks')).toEqual([
      'managed-by-another-secret',
    ]);
  });

  it('blocks when the owner itself takes another role at login', async () => {
    const app = await db.makeApp();
    await db.sql(
      `CREATE ROLE "other-${app.owner}"; GRANT "other-${app.owner}" TO "${app.owner}"; ALTER ROLE "${app.owner}" SET role TO 'other-${app.owner}'`,
    );

    expect(codes(await findingsFor(app, 'adopt'), 'blocks')).toEqual(['owner-takes-other-role']);
  });

  it('knows what an administrator without CREATEROLE cannot do', async () => {
    const app = await db.makeApp();
    const admin = await limitedAdmin(app, '');

    expect(codes(await findingsFor(app, 'adopt', admin), 'blocks')).toEqual(['admin-option-missing', 'admin-may-not-create-roles']);
  });

  it('asks for ADMIN OPTION exactly where the version needs it', async () => {
    const app = await db.makeApp();
    const admin = await limitedAdmin(app, 'CREATEROLE');

    const before = codes(await findingsFor(app, 'adopt', admin), 'blocks');

    expect(before).toEqual(major >= 16 ? ['admin-option-missing'] : []);
    if (major >= 16) await db.sql(`GRANT "${app.owner}" TO "${admin.adminUser ?? ''}" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`);
    expect(codes(await findingsFor(app, 'adopt', admin), 'blocks')).toEqual([]);
  });

  it('tells a limited administrator what it cannot see, and stops telling once it can', async () => {
    const app = await db.makeApp();
    const admin = await limitedAdmin(app, 'CREATEROLE');

    expect(codes(await findingsFor(app, 'adopt', admin))).toEqual(
      expect.arrayContaining(['sessions-hidden', 'verifiers-hidden', 'hba-hidden']),
    );
    await db.sql(`GRANT pg_read_all_stats TO "${admin.adminUser ?? ''}"`);
    expect(codes(await findingsFor(app, 'adopt', admin))).not.toContain('sessions-hidden');
  });

  it('warns of what does not follow to a slot', async () => {
    const app = await db.makeApp();
    await db.sql(`ALTER ROLE "${app.owner}" VALID UNTIL '2099-01-01' CONNECTION LIMIT 5 REPLICATION`);
    await db.sql(`ALTER ROLE "${app.owner}" SET log_statement TO 'all'`);
    const table = `s${app.owner.slice(3)}.rows`;
    await db.sql(
      `CREATE TABLE ${table} (who text); ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON ${table} USING (who = session_user)`,
    );

    const found = codes(await findingsFor(app, 'adopt'));
    await db.sql(`DROP TABLE ${table}`);

    expect(found).toEqual(
      expect.arrayContaining([
        'expiry-will-be-cleared',
        'connection-limit-per-slot',
        'replication-not-carried-over',
        'policies-use-session-user',
      ]),
    );
    expect(found).not.toContain('role-setting-not-copied');
  });

  it('warns that an md5 verifier becomes a SCRAM one', async () => {
    const app = await db.makeApp();
    await db.sql(`SET password_encryption = 'md5'; ALTER ROLE "${app.owner}" PASSWORD 'kept-in-the-old-form'`);

    expect(codes(await findingsFor(app, 'adopt'), 'warns')).toContain('md5-becomes-scram');
  });

  it('blocks where a trust line lets the login in without a password, and names the line', async () => {
    const findings = await findingsFor(await db.makeApp({ owner: 'trusted_here' }), 'rotate', { strategy: 'single' });

    expect(findings).toContainEqual({ code: 'hba-trust', severity: 'blocks', details: { role: 'trusted_here' } });
    expect(findings).toContainEqual({
      code: 'hba-trust-line',
      severity: 'warns',
      details: { line: 1, file: expect.stringMatching(/pg_hba\.conf$/) },
    });
  });

  it('finds before the slots are made that pg_hba.conf would refuse one of them', async () => {
    const findings = await findingsFor(await db.makeApp({ owner: 'half' }), 'adopt');

    expect(
      findings.filter((finding) => finding.severity === 'blocks').map(({ code, details }) => [code, details['role'], details['slot']]),
    ).toEqual([
      ['hba-differs-for-slots', 'half', 'half_b'],
      ['hba-28000', 'half_b', undefined],
    ]);
  });

  it('says nothing of a line that names the owner where the slots meet one that asks for the same', async () => {
    const findings = await findingsFor(await db.makeApp({ owner: 'only_owner' }), 'adopt');

    expect(findings.map((finding) => finding.code)).not.toContain('hba-differs-for-slots');
  });

  it('blocks when what answers is a pooler, which says so by the process id that it tells', async () => {
    const app = await db.makeApp();
    const proxy = await startTcpProxy(db.server);
    proxy.rewriteReplies((reply) => {
      // BackendKeyData: 'K', length 12, process id, secret key.
      const at = reply.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
      if (at >= 0) reply.writeInt32BE(1, at + 5);
      return reply;
    });

    const findings = await findingsFor(app, 'adopt', { port: proxy.port });
    const opened = createPostgresqlEngine({ ...app.config, port: proxy.port }, dependencies).openSession(
      app.config.secretId,
      1,
      patience(),
      null,
    );

    expect(codes(findings, 'blocks')).toEqual(['connected-through-pooler']);
    await expect(opened).rejects.toMatchObject({ kind: 'needs-person', code: 'connected-through-pooler' });
    await proxy.stop();
  });

  it('makes a plan that its contract accepts, and states the outage of the single-user method', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    const inspection = await inspect(app.config, 'rotate', dependencies, patience());

    const plan = planWork('rotate', inspection, app.config, 'owner');

    expect(planSchema.parse(plan)).toEqual(plan);
    expect(plan).toMatchObject({ strategy: 'single', predictedOutageSeconds: 15, retirement: [] });
    expect(plan.statements.map((statement) => statement.text)).toEqual([
      `ALTER ROLE "${app.owner}" PASSWORD '‹verifier›' VALID UNTIL 'infinity'`,
    ]);
    expect(plan.server?.version.startsWith(`${major}.`)).toBe(true);
  });
});
