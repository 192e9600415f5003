import { prepareAdoption } from '@sikkerkey/engines/postgresql/adopt.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { availablePostgresqlVersions } from '@sikkerkey/local-servers/postgresql/start.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dependencies, type Fixture, passwordOf, patience, startFixture } from './fixture.ts';

const versions = await availablePostgresqlVersions();

describe.each(versions)('PostgreSQL %i', (major) => {
  let db: Fixture;
  beforeAll(async () => {
    db = await startFixture({ major });
  }, 60_000);
  afterAll(() => db.stop());

  it('turns from the owner to a slot and back and forth without an older login ever failing before it is retired', async () => {
    const app = await db.makeApp();
    const engine = createPostgresqlEngine(app.config, dependencies);
    await prepareAdoption(app.config, 1, dependencies, patience(), null);
    const session = await engine.openSession(app.config.secretId, 2, patience(), null);

    await session.execute({ kind: 'enable', slot: 'a', version: 2 }, [app.candidate(2, 'a')], patience());
    expect(await engine.verify(app.candidate(2, 'a'), patience())).toEqual({ kind: 'verified' });
    expect(await db.tryLogin(app.owner, app.password)).toBeNull();
    await session.execute({ kind: 'disable', slot: 'owner' }, [], patience());
    expect(await db.tryLogin(app.owner, app.password)).toBe('28P01');
    await session.execute({ kind: 'enable', slot: 'b', version: 3 }, [app.candidate(3, 'b')], patience());
    expect(await db.tryLogin(`${app.owner}_a`, passwordOf(2))).toBeNull();
    expect(await db.tryLogin(`${app.owner}_b`, passwordOf(3))).toBeNull();
    const shape = await session.look([app.candidate(2, 'a'), app.candidate(3, 'b'), app.candidate(1, 'owner')], patience());
    await session.close();

    expect(shape.logins).toEqual([
      { slot: 'owner', exists: true, mayLogIn: false, accepts: [], hasVerifier: false, hasSecondPassword: false },
      { slot: 'a', exists: true, mayLogIn: true, accepts: [2], hasVerifier: true, hasSecondPassword: false },
      { slot: 'b', exists: true, mayLogIn: true, accepts: [3], hasVerifier: true, hasSecondPassword: false },
    ]);
  });

  // Five seconds of the server's own lock_timeout: the newest version stands for all.
  if (major === Math.max(...versions)) {
    it('says of a role that somebody holds too long that it passes by itself, and its session goes on', async () => {
      const app = await db.makeApp({ strategy: 'single' });
      const session = await createPostgresqlEngine(app.config, dependencies).openSession(app.config.secretId, 1, patience(), null);
      const set = (): Promise<void> => session.execute({ kind: 'set', version: 2 }, [app.candidate(2, 'owner')], patience());
      const somebody = await db.session('postgres', db.server.password.reveal());
      await somebody.query(`BEGIN; ALTER ROLE "${app.owner}" CONNECTION LIMIT 50`);

      await expect(set()).rejects.toMatchObject({ kind: 'transient', code: 'role-locked' });
      await somebody.query('ROLLBACK');
      await somebody.end();
      await set();

      expect(await db.tryLogin(app.owner, passwordOf(2))).toBeNull();
      await session.close();
    });
  }
});
