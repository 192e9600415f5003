import { EngineFailure, type EngineSession } from '@sikkerkey/core/rotation/ports.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { availablePostgresqlVersions } from '@sikkerkey/local-servers/postgresql/start.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../support/fake-clock.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { type App, dependencies, type Fixture, passwordOf, patience, startFixture } from './fixture.ts';

const failureOf = async (work: Promise<unknown>): Promise<{ kind: string; code: string } | null> =>
  work.then(
    () => null,
    (error: unknown) => (error instanceof EngineFailure ? { kind: error.kind, code: error.code } : Promise.reject(error)),
  );

describe.each(await availablePostgresqlVersions())('the fence on PostgreSQL %i', (major) => {
  let db: Fixture;
  beforeAll(async () => {
    db = await startFixture({ major });
  }, 60_000);
  afterAll(() => db.stop());

  const openWith = (app: App, epoch: number, change: Partial<App['config']> = {}): Promise<EngineSession> =>
    createPostgresqlEngine({ ...app.config, ...change }, dependencies).openSession(app.config.secretId, epoch, patience(), null);
  const setVersion = (session: EngineSession, app: App, version: number): Promise<void> =>
    session.execute({ kind: 'set', version }, [app.candidate(version, 'owner')], patience());
  const until = async (condition: () => Promise<boolean>): Promise<void> => {
    await expect.poll(condition, { interval: 10, timeout: 10_000 }).toBe(true);
  };
  const untilWaiting = (count: number): Promise<void> =>
    until(async () => (await db.sql("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).length >= count);
  const untilOneWaits = (): Promise<void> => untilWaiting(1);
  const commentOf = async (app: App): Promise<unknown> =>
    (await db.sql(`SELECT shobj_description(oid, 'pg_authid') AS c FROM pg_authid WHERE rolname = $1`, [app.owner]))[0]?.['c'];
  /** Another administrator, who works in another database. */
  const elsewhere = async (app: App): Promise<Partial<App['config']>> => {
    await db.sql(`CREATE ROLE "elsewhere-${app.owner}" SUPERUSER LOGIN PASSWORD 'another-admin-password'`);
    return { adminUser: `elsewhere-${app.owner}`, adminPassword: new SecretText('another-admin-password'), database: 'template1' };
  };
  /** A transaction of somebody else's that keeps every ALTER of this role waiting until it is rolled back. */
  const holdUp = async (role: string): Promise<() => Promise<void>> => {
    const blocker = await db.session('postgres', db.server.password.reveal());
    await blocker.query(`BEGIN; ALTER ROLE "${role}" CONNECTION LIMIT 50`);
    return async () => {
      await blocker.query('ROLLBACK');
      await blocker.end();
    };
  };

  it('is needed: an ALTER whose client died while it waited is executed later', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    const release = await holdUp(app.owner);
    const proxy = await startTcpProxy(db.server);
    const dying = new (await import('pg')).default.Client({
      host: proxy.host,
      port: proxy.port,
      user: 'postgres',
      password: db.server.password.reveal(),
      database: 'postgres',
    });
    dying.on('error', () => undefined);
    await dying.connect();
    const lost = dying.query(`ALTER ROLE "${app.owner}" PASSWORD 'from-the-dead-client'`).catch(() => undefined);
    await untilOneWaits();

    proxy.cut();
    await lost;
    await release();

    await until(async () => (await db.tryLogin(app.owner, 'from-the-dead-client')) === null);
    await proxy.stop();
  });

  it('ends an older session of ours, so that its waiting statement never runs', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    const proxy = await startTcpProxy(db.server);
    const first = await openWith(app, 1, { port: proxy.port });
    const sessionsOfOurs = `SELECT pid FROM pg_stat_activity WHERE application_name = 'sikkerkey/${app.config.secretId}'`;
    const [firstSession] = await db.sql(sessionsOfOurs);
    const release = await holdUp(app.owner);
    const cut = proxy.armed('ALTER ROLE', 'cut-after');
    const lost = failureOf(setVersion(first, app, 2));
    await cut;
    await untilOneWaits();

    const opening = openWith(app, 1);
    await until(async () => !(await db.sql(sessionsOfOurs)).some(({ pid }) => pid === firstSession?.['pid']));
    await release();
    const second = await opening;
    const shape = await second.look([app.candidate(1, 'owner'), app.candidate(2, 'owner')], patience());

    expect((await lost)?.kind).toBe('session-lost');
    expect(shape.logins[0]?.accepts).toEqual([1]);
    await setVersion(second, app, 3);
    expect(await db.tryLogin(app.owner, passwordOf(3))).toBeNull();
    await second.close();
    await proxy.stop();
  });

  it('refuses an older epoch before it could end the session of the newer one', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    const newer = await openWith(app, 6);

    expect(await failureOf(openWith(app, 5))).toEqual({ kind: 'newer-epoch', code: 'newer-epoch' });

    await setVersion(newer, app, 2);
    await newer.close();
  });

  it('tells the older session that it was lost', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    const first = await openWith(app, 1);
    const second = await openWith(app, 2);

    expect((await failureOf(setVersion(first, app, 2)))?.kind).toBe('session-lost');

    await second.close();
    await first.close();
  });

  it('refuses an older epoch also when it waited while a newer one was opened', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    const release = await holdUp(app.owner);
    const opened = (epoch: number, change?: Partial<App['config']>): ReturnType<typeof failureOf> =>
      failureOf(openWith(app, epoch, change).then((session) => session.close()));
    const older = opened(5, await elsewhere(app));
    await untilOneWaits();

    const newer = opened(6);
    await untilWaiting(2);
    await release();
    const met = [await older, await newer].filter((failure) => failure !== null);

    // Whoever came first changed the row under the other, which begins again; in the end the older one is refused.
    expect(met).toEqual([{ kind: 'transient', code: 'XX000' }]);
    await (await openWith(app, 6)).close();
    expect(await failureOf(openWith(app, 5))).toEqual({ kind: 'newer-epoch', code: 'newer-epoch' });
  });

  it('waits for a change in flight of another administrator in another database, and looks at what it did', async () => {
    const app = await db.makeApp();
    await db.sql(`CREATE ROLE "${app.owner}_b" NOLOGIN`);
    const other = await elsewhere(app);
    const older = await openWith(app, 1);
    const release = await holdUp(`${app.owner}_b`);
    const changing = older.execute({ kind: 'enable', slot: 'b', version: 2 }, [app.candidate(2, 'b')], patience());
    await untilOneWaits();

    const met = failureOf(openWith(app, 2, other));
    await untilWaiting(2);
    await release();
    await changing;
    expect(await met).toEqual({ kind: 'transient', code: 'XX000' });
    const newer = await openWith(app, 2, other);
    const shape = await newer.look([app.candidate(2, 'b')], patience());

    expect(shape.logins.find((login) => login.slot === 'b')?.accepts).toEqual([2]);
    expect((await failureOf(older.execute({ kind: 'disable', slot: 'b' }, [], patience())))?.kind).toBe('newer-epoch');
    await newer.close();
    await older.close();
  });

  it('refuses an older epoch that waited while a newer one in another database wrote its mark', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    const older = await openWith(app, 1, await elsewhere(app));
    const newer = await db.session('postgres', db.server.password.reveal());
    const mark = `COMMENT ON ROLE "${app.owner}" IS '[sikkerkey secret=${app.config.secretId} epoch=2]'`;
    await newer.query(`BEGIN; ALTER ROLE "${app.owner}"; ${mark}`);

    const met = failureOf(setVersion(older, app, 2));
    await untilOneWaits();
    await newer.query('COMMIT');

    expect(await met).toEqual({ kind: 'transient', code: 'XX000' });
    expect(await failureOf(setVersion(older, app, 2))).toEqual({ kind: 'newer-epoch', code: 'newer-epoch' });
    expect(await db.tryLogin(app.owner, app.password)).toBeNull();
    await newer.end();
    await older.close();
  });

  it('refuses a statement of an older epoch where the administrator has REPEATABLE READ by default', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    const admin = `repeatable-${app.owner}`;
    await db.sql(`CREATE ROLE "${admin}" SUPERUSER LOGIN PASSWORD 'another-admin-password'`);
    await db.sql(`ALTER ROLE "${admin}" SET default_transaction_isolation TO 'repeatable read'`);
    const older = await openWith(app, 5, { adminUser: admin, adminPassword: new SecretText('another-admin-password') });

    await db.sql(`COMMENT ON ROLE "${app.owner}" IS '[sikkerkey secret=${app.config.secretId} epoch=6]'`);

    expect((await failureOf(setVersion(older, app, 2)))?.kind).toBe('newer-epoch');
    expect(await db.tryLogin(app.owner, app.password)).toBeNull();
    await older.close();
  });

  it('keeps what a person wrote in the comment of the role, and its own mark once', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    await db.sql(`COMMENT ON ROLE "${app.owner}" IS 'billing''s login, ask Ada [not ours]'`);

    for (const epoch of [1, 2, 7]) await (await openWith(app, epoch)).close();

    expect(await commentOf(app)).toBe(`billing's login, ask Ada [not ours] [sikkerkey secret=${app.config.secretId} epoch=7]`);
  });

  it('refuses a role that another secret manages', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    await (await openWith(app, 1)).close();

    const other = createPostgresqlEngine({ ...app.config, secretId: 'another' }, dependencies).openSession('another', 9, patience(), null);

    expect(await failureOf(other)).toEqual({ kind: 'needs-person', code: 'managed-by-another-secret' });
  });

  it.each([
    ['cut-before', [1]],
    ['cut-after', [2]],
  ] as const)('finds by looking what became of a statement whose connection was %s it arrived', async (fault, accepted) => {
    const app = await db.makeApp({ strategy: 'single' });
    const proxy = await startTcpProxy(db.server);
    const first = await openWith(app, 1, { port: proxy.port });
    const cut = proxy.armed('ALTER ROLE', fault);
    const lost = failureOf(setVersion(first, app, 2));
    await cut;
    expect((await lost)?.kind).toBe('session-lost');
    await first.close();
    const wanted = fault === 'cut-after' ? passwordOf(2) : app.password;
    await until(async () => (await db.tryLogin(app.owner, wanted)) === null);

    const second = await openWith(app, 1);
    const shape = await second.look([app.candidate(1, 'owner'), app.candidate(2, 'owner')], patience());
    await second.close();
    await proxy.stop();

    expect(shape.logins[0]?.accepts).toEqual(accepted);
  });

  it('gives up a reply that never comes as soon as it is told to', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    const proxy = await startTcpProxy(db.server);
    const session = await openWith(app, 1, { port: proxy.port });
    const dropped = proxy.armed('ALTER ROLE', 'drop-reply');
    const stop = new AbortController();
    const waiting = session.execute({ kind: 'set', version: 2 }, [app.candidate(2, 'owner')], stop.signal);
    await dropped;

    stop.abort(new Error('told to stop'));

    await expect(waiting).rejects.toThrow('told to stop');
    await session.close();
    await proxy.stop();
  });

  it('takes a reply that is too late for a lost session', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    const clock = new FakeClock();
    const proxy = await startTcpProxy(db.server);
    const engine = createPostgresqlEngine({ ...app.config, port: proxy.port }, { ...dependencies, clock });
    const session = await engine.openSession(app.config.secretId, 1, patience(), null);
    const dropped = proxy.armed('ALTER ROLE', 'drop-reply');
    const late = failureOf(setVersion(session, app, 2));
    await dropped;

    await clock.waitUntilSleeping();
    await clock.advance(15_000);

    expect(await late).toEqual({ kind: 'session-lost', code: 'query-deadline' });
    await proxy.stop();
  });

  it('leaves the session usable after the server refused a statement', async () => {
    const app = await db.makeApp();
    const session = await openWith(app, 1);

    expect(await failureOf(session.execute({ kind: 'disable', slot: 'b' }, [], patience()))).toEqual({
      kind: 'needs-person',
      code: '42704',
    });

    await setVersion(session, app, 2);
    expect(await db.tryLogin(app.owner, passwordOf(2))).toBeNull();
    await session.close();
  });

  it('says which failures pass by themselves and which need a person', async () => {
    const app = await db.makeApp();

    expect(await failureOf(openWith(app, 1, { adminPassword: new SecretText('wrong') }))).toEqual({ kind: 'needs-person', code: '28P01' });
    expect(await failureOf(openWith(app, 1, { port: 1 }))).toEqual({ kind: 'transient', code: 'ECONNREFUSED' });
    expect(await failureOf(openWith(app, 1, { host: 'no-such-host.invalid' }))).toMatchObject({ kind: 'transient' });
    expect(await failureOf(openWith(app, 1, { owner: 'nobody-there' }))).toEqual({ kind: 'needs-person', code: 'role-missing' });
    expect(await failureOf(openWith(app, 1, { tls: { mode: 'require' } }))).toEqual({ kind: 'needs-person', code: 'tls-not-supported' });
  });
});
