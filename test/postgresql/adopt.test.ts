import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { finishUnAdoption, prepareAdoption, recreateSlots } from '@sikkerkey/engines/postgresql/adopt.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { inspect } from '@sikkerkey/engines/postgresql/inspect.ts';
import { planWork } from '@sikkerkey/engines/postgresql/plan.ts';
import { availablePostgresqlVersions } from '@sikkerkey/local-servers/postgresql/start.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, dependencies, type Fixture, passwordOf, patience, startFixture } from './fixture.ts';

const codeOf = async (work: Promise<unknown>): Promise<string | null> =>
  work.then(
    () => null,
    (error: unknown) => (error instanceof EngineFailure ? error.code : Promise.reject(error)),
  );

describe.each(await availablePostgresqlVersions())('adoption on PostgreSQL %i', (major) => {
  let db: Fixture;
  beforeAll(async () => {
    db = await startFixture({ major });
  }, 60_000);
  afterAll(() => db.stop());

  /** Adopts and turns to slot a with version 2, the owner still open. */
  const adopt = async (app: App): Promise<void> => {
    await prepareAdoption(app.config, 1, dependencies, patience(), null);
    await execute(app, 2, { kind: 'enable', slot: 'a', version: 2 });
  };
  const execute = async (
    app: App,
    epoch: number,
    ...statements: readonly Parameters<Awaited<ReturnType<ReturnType<typeof createPostgresqlEngine>['openSession']>>['execute']>[0][]
  ): Promise<void> => {
    const session = await createPostgresqlEngine(app.config, dependencies).openSession(app.config.secretId, epoch, patience(), null);
    const candidates = [1, 2, 3, 4].flatMap((version) => (version === 1 ? app.candidate(1, 'owner') : app.candidate(version, 'a')));
    for (const statement of statements) await session.execute(statement, candidates, patience());
    await session.close();
  };
  const settingsOf = async (role: string): Promise<unknown> =>
    db.sql(
      `SELECT d.datname, s.setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
        WHERE r.rolname = $1 ORDER BY d.datname NULLS FIRST`,
      [role],
    );

  it('breaks no live session of the owner, and what a slot creates belongs to the owner', async () => {
    const app = await db.makeApp();
    const schema = `s${app.owner.slice(3)}`;
    const live = await db.session(app.owner, app.password);
    await live.query(`CREATE TABLE ${schema}.orders (id int); INSERT INTO ${schema}.orders VALUES (1)`);

    await adopt(app);
    await live.query(`INSERT INTO ${schema}.orders VALUES (2)`);
    const slot = await db.session(`${app.owner}_a`, passwordOf(2));
    await slot.query(`CREATE TABLE ${schema}.made_by_slot (id int); ALTER TABLE ${schema}.orders ADD COLUMN note text`);
    await slot.query('DISCARD ALL');
    await slot.query(`INSERT INTO ${schema}.orders VALUES (3)`);
    await execute(app, 3, { kind: 'disable', slot: 'owner' });
    await live.query(`INSERT INTO ${schema}.made_by_slot VALUES (4)`);
    await live.end();
    await slot.end();

    const owners = await db.sql('SELECT tablename, tableowner FROM pg_tables WHERE schemaname = $1 ORDER BY 1', [schema]);
    expect(owners).toEqual([
      { tablename: 'made_by_slot', tableowner: app.owner },
      { tablename: 'orders', tableowner: app.owner },
    ]);
    expect(await db.sql(`SELECT count(*)::int AS n FROM ${schema}.orders`)).toEqual([{ n: 3 }]);
  });

  it('copies the settings and the connection limit of the role, lists and odd values unchanged', async () => {
    const app = await db.makeApp();
    const role = `"${app.owner}"`;
    await db.sql(`ALTER ROLE ${role} SET search_path TO "$user", "Odd ""one""", public`);
    await db.sql(`ALTER ROLE ${role} SET work_mem TO '7MB'`);
    await db.sql(`ALTER ROLE ${role} SET "my.setting" TO 'it''s, "quoted"'`);
    await db.sql(`ALTER ROLE ${role} SET application_name TO ''`);
    await db.sql(`ALTER ROLE ${role} IN DATABASE postgres SET statement_timeout TO '90s'`);
    await db.sql(`ALTER ROLE ${role} CONNECTION LIMIT 17`);

    await adopt(app);

    const slot = await db.session(`${app.owner}_a`, passwordOf(2));
    const shown = async (name: string): Promise<unknown> => (await slot.query('SELECT current_setting($1) AS v', [name])).rows[0];
    expect(await shown('search_path')).toEqual({ v: '"$user", "Odd ""one""", public' });
    expect(await shown('work_mem')).toEqual({ v: '7MB' });
    expect(await shown('my.setting')).toEqual({ v: `it's, "quoted"` });
    expect(await shown('statement_timeout')).toEqual({ v: '90s' });
    await slot.end();
    expect(await db.sql('SELECT rolconnlimit FROM pg_roles WHERE rolname = $1', [`${app.owner}_b`])).toEqual([{ rolconnlimit: 17 }]);
  });

  it('is repeatable, and brings the slots up to date', async () => {
    const app = await db.makeApp();
    await db.sql(`ALTER ROLE "${app.owner}" SET work_mem TO '7MB'`);
    await db.sql(`ALTER ROLE "${app.owner}" IN DATABASE postgres SET work_mem TO '9MB'`);
    await adopt(app);
    await db.sql(`ALTER ROLE "${app.owner}" RESET work_mem`);
    await db.sql(`ALTER ROLE "${app.owner}" IN DATABASE postgres RESET work_mem`);
    await db.sql(`ALTER ROLE "${app.owner}" SET lock_timeout TO '3s'`);

    await prepareAdoption(app.config, 2, dependencies, patience(), null);

    expect(await settingsOf(`${app.owner}_a`)).toEqual([{ datname: null, setconfig: ['lock_timeout=3s', `role=${app.owner}`] }]);
    expect(await db.tryLogin(`${app.owner}_a`, passwordOf(2))).toBeNull();
  });

  it('never takes over a role that only happens to have the name of a slot', async () => {
    const app = await db.makeApp();
    await db.sql(`CREATE ROLE "${app.owner}_b" LOGIN PASSWORD 'somebody-else-uses-it'`);

    expect(await codeOf(prepareAdoption(app.config, 1, dependencies, patience(), null))).toBe('slot-name-taken');

    expect(await db.tryLogin(`${app.owner}_b`, 'somebody-else-uses-it')).toBeNull();
    expect(await db.sql('SELECT FROM pg_roles WHERE rolname = $1', [`${app.owner}_a`])).toEqual([]);
  });

  it('goes all the way back: the owner logs in again, the slots are gone, the objects are untouched', async () => {
    const app = await db.makeApp();
    const schema = `s${app.owner.slice(3)}`;
    await adopt(app);
    await execute(app, 3, { kind: 'disable', slot: 'owner' });
    const live = await db.session(`${app.owner}_a`, passwordOf(2));
    await live.query(`CREATE TABLE ${schema}.kept (id int)`);

    await execute(app, 4, { kind: 'enable', slot: 'owner', version: 3 });
    expect(await db.tryLogin(app.owner, passwordOf(3))).toBeNull();
    expect(await codeOf(finishUnAdoption(app.config, 4, dependencies, patience(), null))).toBe('slot-still-logs-in');
    await execute(app, 4, { kind: 'disable', slot: 'a' });
    expect(await codeOf(finishUnAdoption(app.config, 4, dependencies, patience(), null))).toBe('slot-in-use');
    await live.query(`INSERT INTO ${schema}.kept VALUES (1)`);
    await live.end();
    await expect.poll(() => codeOf(finishUnAdoption(app.config, 4, dependencies, patience(), null))).toBeNull();
    await finishUnAdoption(app.config, 4, dependencies, patience(), null);

    expect(await db.sql('SELECT rolname FROM pg_roles WHERE rolname LIKE $1', [`${app.owner}%`])).toEqual([{ rolname: app.owner }]);
    expect(await db.tryLogin(app.owner, passwordOf(3))).toBeNull();
    expect(await db.sql('SELECT tableowner FROM pg_tables WHERE schemaname = $1', [schema])).toEqual([{ tableowner: app.owner }]);
  });

  it('lets another secret take the login on afterwards, and still refuses an older epoch of the one that left it', async () => {
    const app = await db.makeApp();
    await adopt(app);
    await execute(app, 3, { kind: 'disable', slot: 'a' });
    await finishUnAdoption(app.config, 4, dependencies, patience(), null);
    const another = { ...app.config, secretId: `${app.config.secretId}-another` };
    const open = (config: App['config'], epoch: number) =>
      createPostgresqlEngine(config, dependencies).openSession(config.secretId, epoch, patience(), null);

    expect(await codeOf(open(app.config, 3))).toBe('newer-epoch');
    await (await open(another, 1)).close();
    expect(await codeOf(open(app.config, 5))).toBe('managed-by-another-secret');
    const [owner] = (await inspect(another, 'adopt', dependencies, patience())).facts.roles;
    expect(owner?.comment).toBe(`[sikkerkey secret=${another.secretId} epoch=1]`);
  });

  it('makes a dropped slot again as it was made first, and leaves the other one and a retired owner alone', async () => {
    const app = await db.makeApp();
    await db.sql(`ALTER ROLE "${app.owner}" SET work_mem TO '7MB'`);
    await adopt(app);
    await execute(app, 2, { kind: 'disable', slot: 'owner' });
    await db.sql(`DROP ROLE "${app.owner}_b"`);

    await recreateSlots(app.config, 3, dependencies, patience(), null);
    await recreateSlots(app.config, 3, dependencies, patience(), null);

    expect(await settingsOf(`${app.owner}_b`)).toEqual(await settingsOf(`${app.owner}_a`));
    expect(await db.tryLogin(`${app.owner}_a`, passwordOf(2))).toBeNull();
    const { facts } = await inspect(app.config, 'rotate', dependencies, patience());
    expect(facts.roles.map(({ name, mayLogIn }) => [name, mayLogIn]).sort()).toEqual([
      [app.owner, false],
      [`${app.owner}_a`, true],
      [`${app.owner}_b`, false],
    ]);
  });

  it('makes no slot again where somebody else has a role of its name, and does not take that role for one', async () => {
    const app = await db.makeApp();
    await adopt(app);
    await db.sql(`DROP ROLE "${app.owner}_b"`);
    await db.sql(`CREATE ROLE "${app.owner}_b" LOGIN PASSWORD 'of-somebody-else'`);

    expect(await codeOf(recreateSlots(app.config, 3, dependencies, patience(), null))).toBe('slot-name-taken');

    const shape = await createPostgresqlEngine(app.config, dependencies).observe([app.candidate(2, 'a')], patience());
    expect(shape.logins.map(({ slot, exists }) => [slot, exists])).toEqual([
      ['owner', true],
      ['a', true],
      ['b', false],
    ]);
  });

  it('goes back without touching a role of somebody else that has the name of a slot', async () => {
    const app = await db.makeApp();
    await adopt(app);
    await execute(app, 3, { kind: 'disable', slot: 'a' });
    await db.sql(`DROP ROLE "${app.owner}_b"`);
    await db.sql(`CREATE ROLE "${app.owner}_b" LOGIN PASSWORD 'of-somebody-else'`);

    await finishUnAdoption(app.config, 4, dependencies, patience(), null);

    expect(await db.sql('SELECT rolname FROM pg_roles WHERE rolname LIKE $1 ORDER BY 1', [`${app.owner}%`])).toEqual([
      { rolname: app.owner },
      { rolname: `${app.owner}_b` },
    ]);
    expect(await db.tryLogin(`${app.owner}_b`, 'of-somebody-else')).toBeNull();
  });

  it('refuses to drop a slot that owns something', async () => {
    const app = await db.makeApp();
    await prepareAdoption(app.config, 1, dependencies, patience(), null);
    await db.sql(`CREATE TABLE public.stray_${app.owner} (id int); ALTER TABLE public.stray_${app.owner} OWNER TO "${app.owner}_a"`);

    expect(await codeOf(finishUnAdoption(app.config, 1, dependencies, patience(), null))).toBe('slot-owns-objects');
  });

  it('works for an administrator who is not a superuser, once it has ADMIN on the owner', async () => {
    const app = await db.makeApp();
    const admin = `admin-${app.owner}`;
    await db.sql(`CREATE ROLE "${admin}" LOGIN CREATEROLE PASSWORD 'a-limited-administrator'`);
    const config = { ...app.config, adminUser: admin, adminPassword: new SecretText('a-limited-administrator') };
    const limited: App = { ...app, config };
    if (major >= 16) {
      expect(await codeOf(prepareAdoption(config, 1, dependencies, patience(), null))).not.toBeNull();
      await db.sql(`GRANT "${app.owner}" TO "${admin}" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`);
    }

    await adopt(limited);
    const engine = createPostgresqlEngine(config, dependencies);
    expect(await engine.verify(app.candidate(2, 'a'), patience())).toEqual({ kind: 'verified' });
    await execute(limited, 3, { kind: 'disable', slot: 'owner' });
    const shape = await engine.observe([app.candidate(1, 'owner'), app.candidate(2, 'a')], patience());
    await execute(limited, 4, { kind: 'enable', slot: 'owner', version: 3 }, { kind: 'disable', slot: 'a' });
    await finishUnAdoption(config, 4, dependencies, patience(), null);

    expect(shape.logins.map(({ slot, mayLogIn, accepts }) => ({ slot, mayLogIn, accepts }))).toEqual([
      { slot: 'owner', mayLogIn: false, accepts: [] },
      { slot: 'a', mayLogIn: true, accepts: [2] },
      { slot: 'b', mayLogIn: false, accepts: [] },
    ]);
    expect(await db.tryLogin(app.owner, passwordOf(3))).toBeNull();
  });

  it('plans exactly the statements that it sends, with the verifier masked, and changes nothing by planning', async () => {
    const app = await db.makeApp();
    await db.sql(`ALTER ROLE "${app.owner}" SET work_mem TO '7MB'`);
    const before = await db.sql('SELECT * FROM pg_authid ORDER BY oid');

    const inspection = await inspect(app.config, 'adopt', dependencies, patience());
    const plan = planWork('adopt', inspection, app.config, 'owner');

    expect(await db.sql('SELECT * FROM pg_authid ORDER BY oid')).toEqual(before);
    expect(plan.predictedOutageSeconds).toBe(0);
    expect(plan.findings.filter((finding) => finding.severity === 'blocks')).toEqual([]);
    const slotA = `"${app.owner}_a"`;
    expect(plan.statements.slice(0, 6).map((statement) => statement.text)).toEqual([
      `CREATE ROLE ${slotA} NOLOGIN`,
      `COMMENT ON ROLE ${slotA} IS 'Login slot of a managed secret [sikkerkey slot-of=${app.config.secretId}]'`,
      `GRANT "${app.owner}" TO ${slotA}${major >= 16 ? ' WITH ADMIN FALSE, INHERIT TRUE, SET TRUE' : ''}`,
      `ALTER ROLE ${slotA} CONNECTION LIMIT -1`,
      `ALTER ROLE ${slotA} SET "work_mem" TO '7MB'`,
      `ALTER ROLE ${slotA} SET role TO '${app.owner}'`,
    ]);
    expect(plan.statements.at(-1)?.text).toBe(`ALTER ROLE ${slotA} LOGIN PASSWORD '‹verifier›' VALID UNTIL 'infinity'`);
    expect(plan.retirement.map((statement) => statement.text)).toEqual([`ALTER ROLE "${app.owner}" NOLOGIN PASSWORD NULL`]);
  });
});
