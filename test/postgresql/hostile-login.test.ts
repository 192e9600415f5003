import { createHash } from 'node:crypto';
import { EngineFailure, type EngineSession } from '@sikkerkey/core/rotation/ports.ts';
import { prepareAdoption } from '@sikkerkey/engines/postgresql/adopt.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { identifyServer, inspect } from '@sikkerkey/engines/postgresql/inspect.ts';
import { availablePostgresqlVersions } from '@sikkerkey/local-servers/postgresql/start.ts';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { type App, dependencies, type Fixture, passwordOf, patience, startFixture } from './fixture.ts';

describe.each(await availablePostgresqlVersions())('a login without any privilege on PostgreSQL %i', (major) => {
  let db: Fixture;
  let hostile: pg.Client;
  beforeAll(async () => {
    db = await startFixture({ major });
    await db.sql(`CREATE ROLE nobody_special LOGIN PASSWORD 'x'`);
    hostile = await db.session('nobody_special', 'x', 'cron\u0007job');
  }, 60_000);
  afterAll(async () => {
    await hostile.end();
    await db.stop();
  });

  const open = (app: App, change: Partial<App['config']> = {}): Promise<EngineSession> =>
    createPostgresqlEngine({ ...app.config, ...change }, dependencies).openSession(app.config.secretId, 1, patience(), null);
  const setVersion = async (app: App): Promise<void> => {
    const session = await open(app);
    await session.execute({ kind: 'set', version: 2 }, [app.candidate(2, 'owner')], patience());
    await session.close();
  };

  it('holds up nothing by advisory locks, whatever their keys', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    const [control] = await db.sql('SELECT system_identifier::text AS id FROM pg_control_system()');
    const key = createHash('sha256').update(`postgresql:${control?.['id']}\0${app.owner}`).digest().readBigInt64BE(0).toString();
    await hostile.query('SELECT pg_advisory_lock($1::bigint)', [key]);

    await setVersion(app);
    await hostile.query('SELECT pg_advisory_unlock_all()');

    expect(await db.tryLogin(app.owner, passwordOf(2))).toBeNull();
  });

  it('keeps no inspection waiting by locking the one view that everybody may update', async () => {
    const app = await db.makeApp();
    await db.sql(`ALTER ROLE "${app.owner}" SET work_mem TO '8MB'`);
    await hostile.query('BEGIN');
    await hostile.query('LOCK TABLE pg_settings IN ACCESS EXCLUSIVE MODE');

    const { facts } = await inspect(app.config, 'adopt', dependencies, patience());
    await hostile.query('ROLLBACK');

    expect(facts.settings).toEqual([{ database: null, name: 'work_mem', value: '8MB', needsSuperuser: false }]);
  });

  it('never has a function of its own called by the administrator who looks', async () => {
    const app = await db.makeApp();
    await prepareAdoption(app.config, 1, dependencies, patience(), null);
    await db.sql('GRANT CREATE ON SCHEMA public TO nobody_special');
    // A better match for the literal than the server's own function, which takes a name (CVE-2018-1058).
    await hostile.query(`CREATE FUNCTION public.shobj_description(oid, text) RETURNS text LANGUAGE plpgsql AS
      $$ BEGIN ALTER ROLE nobody_special SUPERUSER; RETURN pg_catalog.shobj_description($1, $2::name); END $$`);
    const engine = createPostgresqlEngine(app.config, dependencies);

    await inspect(app.config, 'rotate', dependencies, patience());
    await engine.observe([app.candidate(1, 'owner')], patience());
    await engine.sessionsOf('owner', patience());
    await identifyServer(app.config, dependencies, patience());
    await (await open(app)).close();

    expect(await db.sql(`SELECT rolsuper FROM pg_roles WHERE rolname = 'nobody_special'`)).toEqual([{ rolsuper: false }]);
    await hostile.query('DROP FUNCTION public.shobj_description');
  });

  it('is named with its process and program where it keeps a role locked', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    // From 16 on an ALTER ROLE without options asks for no privilege; before, only an administrator can do this.
    const holder = major >= 16 ? hostile : await db.session('postgres', db.server.password.reveal(), 'cron\u0007job');
    await holder.query('BEGIN');
    await holder.query(`ALTER ROLE "${app.owner}"`);
    const [{ pid }] = (await holder.query('SELECT pg_backend_pid() AS pid')).rows as [{ pid: number }];

    const failure = await open(app).catch((error: unknown) => error);
    await holder.query('ROLLBACK');
    if (holder !== hostile) await holder.end();

    expect(failure).toBeInstanceOf(EngineFailure);
    expect(failure).toMatchObject({
      kind: 'transient',
      code: 'role-locked',
      details: {
        role: app.owner,
        pid,
        blocker: major >= 16 ? 'nobody_special' : 'postgres',
        application: expect.stringMatching(/^cron.*job$/),
      },
    });
    await setVersion(app);
    expect(await db.tryLogin(app.owner, passwordOf(2))).toBeNull();
  });

  it('cannot reach a change through a pooler that hands it another session of the server', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    const proxy = await startTcpProxy(db.server);
    let told: Buffer | null = null;
    proxy.rewriteReplies((reply) => {
      // The pooler tells a process id that it also answers to, and yet the statement runs in another one.
      const at = reply.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
      if (at >= 0) {
        told = Buffer.from(String(reply.readInt32BE(at + 5)));
        reply.writeInt32BE(10 ** (told.length - 1), at + 5);
      } else if (told !== null) {
        const shown = reply.indexOf(told);
        if (shown >= 0) Buffer.from(String(10 ** (told.length - 1))).copy(reply, shown);
      }
      return reply;
    });

    await expect(open(app, { port: proxy.port })).rejects.toMatchObject({ kind: 'needs-person', code: 'connected-through-pooler' });
    await proxy.stop();
    expect(await db.tryLogin(app.owner, app.password)).toBeNull();
  });
});
