import type { Candidate } from '@sikkerkey/core/rotation/ports.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { prepareAdoption } from '@sikkerkey/engines/postgresql/adopt.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { availablePostgresqlVersions } from '@sikkerkey/local-servers/postgresql/start.ts';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { type App, dependencies, type Fixture, patience, startFixture } from './fixture.ts';

describe.each(await availablePostgresqlVersions())('verification on PostgreSQL %i', (major) => {
  let db: Fixture;
  beforeAll(async () => {
    const hba = ['host all trusted 127.0.0.1/32 trust', 'host all trusted_a 127.0.0.1/32 trust', 'host all rejected 127.0.0.1/32 reject'];
    db = await startFixture({ major, hba, settings: { max_connections: '14', superuser_reserved_connections: '3' } });
  }, 60_000);
  afterAll(() => db.stop());

  const verify = (app: App, candidate: Candidate = app.candidate(1, 'owner'), change: Partial<App['config']> = {}) =>
    createPostgresqlEngine({ ...app.config, ...change }, dependencies).verify(candidate, patience());

  it('proves a working credential, with the query that the application needs', async () => {
    const app = await db.makeApp();
    const schema = `s${app.owner.slice(3)}`;
    await db.sql(`CREATE TABLE ${schema}.orders (id int); ALTER TABLE ${schema}.orders OWNER TO "${app.owner}"`);

    expect(await verify(app, undefined, { probeQuery: `SELECT id FROM ${schema}.orders` })).toEqual({ kind: 'verified' });
  });

  it('calls a wrong password wrong', async () => {
    const app = await db.makeApp();

    expect(await verify(app, app.candidate(2, 'owner'))).toEqual({ kind: 'wrong-password' });
  });

  it('proves nothing where a trust line lets everybody in', async () => {
    const app = await db.makeApp({ owner: 'trusted' });

    expect(await verify(app)).toEqual({ kind: 'proves-nothing', code: 'hba-trust' });
  });

  it('proves nothing where a trust line lets a login in that may not log in, which is refused only then', async () => {
    const app = await db.makeApp({ owner: 'trusted_x' });
    await db.sql('CREATE ROLE trusted_a NOLOGIN');

    const outcome = await verify(app, { ...app.candidate(1, 'a'), slot: 'a' }, { owner: 'trusted' });

    expect(outcome).toEqual({ kind: 'proves-nothing', code: 'hba-trust' });
  });

  it('proves nothing where pg_hba.conf rejects the login', async () => {
    const app = await db.makeApp({ owner: 'rejected' });

    expect(await verify(app)).toEqual({ kind: 'proves-nothing', code: 'hba-28000' });
  });

  it('is not fooled by a right password of a login that may not log in', async () => {
    const app = await db.makeApp();
    await db.sql(`ALTER ROLE "${app.owner}" NOLOGIN`);

    expect(await verify(app)).toEqual({ kind: 'unfit', code: '28000' });
  });

  it.each([
    { name: 'a table that is not there', probeQuery: 'SELECT 1 FROM no_such_table', code: '42P01' },
    { name: 'a privilege that is missing', probeQuery: 'SELECT rolpassword FROM pg_authid', code: '42501' },
    { name: 'a probe that would write', probeQuery: 'CREATE TABLE made_by_probe (id int)', code: 'probe-writes' },
    { name: 'a probe of two statements', probeQuery: 'COMMIT; SELECT 1', code: '42601' },
  ])('finds $name', async ({ probeQuery, code }) => {
    const app = await db.makeApp();

    expect(await verify(app, undefined, { probeQuery })).toEqual({ kind: 'unfit', code });
  });

  it('finds a slot that no longer takes the role of the owner', async () => {
    const app = await db.makeApp();
    await prepareAdoption(app.config, 1, dependencies, patience(), null);
    const session = await createPostgresqlEngine(app.config, dependencies).openSession(app.config.secretId, 1, patience(), null);
    await session.execute({ kind: 'enable', slot: 'a', version: 2 }, [app.candidate(2, 'a')], patience());
    await session.close();
    await db.sql(`ALTER ROLE "${app.owner}_a" RESET role`);

    expect(await verify(app, app.candidate(2, 'a'))).toEqual({ kind: 'unfit', code: 'owner-role-not-taken' });
  });

  it('finds that CONNECT on the database is missing', async () => {
    const app = await db.makeApp();
    await db.sql('CREATE DATABASE closed; REVOKE CONNECT ON DATABASE closed FROM PUBLIC').catch(async () => {
      await db.sql('CREATE DATABASE closed');
      await db.sql('REVOKE CONNECT ON DATABASE closed FROM PUBLIC');
    });

    expect(await verify(app, undefined, { database: 'closed' })).toEqual({ kind: 'unfit', code: '42501' });
  });

  it('tries again later when there are no connections left, and never calls that a wrong password', async () => {
    const app = await db.makeApp();
    const crowd: pg.Client[] = [];
    try {
      for (;;) crowd.push(await db.session(app.owner, app.password));
    } catch (error) {
      expect(error).toMatchObject({ code: '53300' });
    }

    const outcome = await verify(app);
    for (const client of crowd) await client.end();

    expect(outcome).toEqual({ kind: 'try-again', code: '53300' });
  });

  it.each([
    { name: 'its own connection limit', limit: (app: App) => `ALTER ROLE "${app.owner}" CONNECTION LIMIT 1` },
    { name: 'the connection limit of the database', limit: () => 'ALTER DATABASE crowded CONNECTION LIMIT 1' },
  ])('takes a right password in place for proven at $name, a wrong one for wrong, and lets a slot wait', async ({ limit }) => {
    const app = await db.makeApp({ strategy: 'single', database: 'crowded' });
    await db.sql('CREATE DATABASE crowded');
    await db.sql(limit(app));
    const only = new pg.Client({ ...app.config, user: app.owner, password: app.password, ssl: false });
    await only.connect();

    const outcomes = [await verify(app), await verify(app, app.candidate(2, 'owner')), await verify(app, undefined, { strategy: 'flip' })];
    await only.end();
    await expect
      .poll(() =>
        db.sql('DROP DATABASE crowded').then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);

    expect(outcomes).toEqual([{ kind: 'verified' }, { kind: 'wrong-password' }, { kind: 'try-again', code: '53300' }]);
  });

  it.each([
    { name: 'nobody listens', change: { port: 1 }, code: 'ECONNREFUSED' },
    { name: 'the server speaks no TLS', change: { tls: { mode: 'verify-full' as const } }, code: 'tls-not-supported' },
  ])('tries again later when $name', async ({ change, code }) => {
    const app = await db.makeApp();

    expect(await verify(app, undefined, change)).toEqual({ kind: 'try-again', code });
  });

  it('tries again later when a declared node is behind or away, although the primary is ready', async () => {
    const app = await db.makeApp();
    const proxy = await startTcpProxy(db.server);

    expect(await verify(app, undefined, { nodes: [{ host: proxy.host, port: proxy.port }] })).toEqual({ kind: 'verified' });
    await proxy.stop();

    expect(await verify(app, undefined, { nodes: [{ host: proxy.host, port: proxy.port }] })).toMatchObject({ kind: 'try-again' });
  });

  it('looks by logging in where verifiers are hidden, and tells a closed login from a wrong password', async () => {
    const app = await db.makeApp();
    const admin = `viewer-${app.owner}`;
    await db.sql(`CREATE ROLE "${admin}" LOGIN PASSWORD 'may-see-very-little'`);
    const engine = createPostgresqlEngine(
      { ...app.config, adminUser: admin, adminPassword: new SecretText('may-see-very-little') },
      dependencies,
    );
    await db.sql(`ALTER ROLE "${app.owner}" NOLOGIN`);

    const shape = await engine.observe([app.candidate(1, 'owner'), app.candidate(2, 'owner')], patience());

    expect(shape.logins[0]).toMatchObject({ slot: 'owner', exists: true, mayLogIn: false, accepts: [1] });
  });

  it.each([
    { name: 'takes the connection limit of a role for what comes after its password', version: 1, accepts: [1] },
    { name: 'calls a wrong password wrong also at the connection limit', version: 2, accepts: [] },
  ])('$name, where verifiers are hidden', async ({ version, accepts }) => {
    const app = await db.makeApp();
    const admin = `viewer-${app.owner}`;
    await db.sql(`CREATE ROLE "${admin}" LOGIN PASSWORD 'may-see-very-little'`);
    await db.sql(`ALTER ROLE "${app.owner}" CONNECTION LIMIT 1`);
    const only = await db.session(app.owner, app.password, 'billing');
    const adminPassword = new SecretText('may-see-very-little');
    const engine = createPostgresqlEngine({ ...app.config, adminUser: admin, adminPassword }, dependencies);

    const shape = await engine.observe([app.candidate(version, 'owner')], patience());
    await only.end();

    expect(shape.logins[0]).toMatchObject({ slot: 'owner', mayLogIn: true, accepts });
  });

  it('sees a password whose expiry date has passed as not accepted, and enabling it mends that', async () => {
    const app = await db.makeApp();
    await db.sql(`ALTER ROLE "${app.owner}" VALID UNTIL '2001-01-01'`);
    const engine = createPostgresqlEngine(app.config, dependencies);
    const shape = await engine.observe([app.candidate(1, 'owner')], patience());
    const session = await engine.openSession(app.config.secretId, 1, patience(), null);

    await session.execute({ kind: 'enable', slot: 'owner', version: 1 }, [app.candidate(1, 'owner')], patience());
    await session.close();

    expect(shape.logins[0]?.accepts).toEqual([]);
    expect(await verify(app)).toEqual({ kind: 'verified' });
  });

  it('names who still uses a login, the most sessions first, without its own probes', async () => {
    const app = await db.makeApp();
    const engine = createPostgresqlEngine(app.config, dependencies);
    const crowd = [
      await db.session(app.owner, app.password, 'billing'),
      await db.session(app.owner, app.password, 'reports'),
      await db.session(app.owner, app.password, 'reports'),
    ];
    await verify(app);

    const holdOuts = await engine.sessionsOf('owner', patience());
    for (const client of crowd) await client.end();

    expect(holdOuts).toEqual([
      { kind: 'session', name: 'reports @ 127.0.0.1', count: 2 },
      { kind: 'session', name: 'billing @ 127.0.0.1', count: 1 },
    ]);
    await expect.poll(() => engine.sessionsOf('owner', patience())).toEqual([]);
  });

  it('says that addresses are hidden from an administrator without pg_read_all_stats', async () => {
    const app = await db.makeApp();
    const admin = `blind-${app.owner}`;
    await db.sql(`CREATE ROLE "${admin}" LOGIN PASSWORD 'may-see-very-little'`);
    const engine = createPostgresqlEngine(
      { ...app.config, adminUser: admin, adminPassword: new SecretText('may-see-very-little') },
      dependencies,
    );
    const client = await db.session(app.owner, app.password, 'billing');

    const holdOuts = await engine.sessionsOf('owner', patience());
    await client.end();

    expect(holdOuts).toEqual([{ kind: 'session', name: 'billing @ address not shown', count: 1 }]);
  });
});
