/** A server that is not the expected one: nothing is written there, and nobody's session is ended. */
import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { finishUnAdoption, prepareAdoption, recreateSlots } from '@sikkerkey/engines/postgresql/adopt.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { identifyServer, inspect } from '@sikkerkey/engines/postgresql/inspect.ts';
import { availablePostgresqlVersions } from '@sikkerkey/local-servers/postgresql/start.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dependencies, type Fixture, patience, startFixture } from './fixture.ts';

describe.each(await availablePostgresqlVersions())('another server than the expected one, PostgreSQL %i', (major) => {
  let db: Fixture;
  beforeAll(async () => {
    db = await startFixture({ major });
  }, 60_000);
  afterAll(() => db.stop());

  const expected = 'postgresql:1';

  it('is refused by everything that opens a session for writing, before it writes', async () => {
    const app = await db.makeApp({ strategy: 'flip' });
    const { secretId } = app.config;
    const engine = createPostgresqlEngine(app.config, dependencies);
    const roles = (): Promise<readonly unknown[]> =>
      db.sql(
        `SELECT rolname, rolcanlogin, rolpassword, shobj_description(oid, 'pg_authid') FROM pg_authid WHERE rolname LIKE $1 ORDER BY 1`,
        [`${app.owner}%`],
      );
    const before = await roles();
    const working = await engine.openSession(secretId, 5, patience(), null);
    const marked = await roles();
    const asked = [
      () => engine.openSession(secretId, 9, patience(), expected),
      () => prepareAdoption(app.config, 9, dependencies, patience(), expected),
      () => recreateSlots(app.config, 9, dependencies, patience(), expected),
      () => finishUnAdoption(app.config, 9, dependencies, patience(), expected),
    ];

    for (const ask of asked) await expect(ask()).rejects.toMatchObject(new EngineFailure('needs-person', 'different-server'));

    expect(await roles()).toEqual(marked);
    expect(marked).not.toEqual(before);
    expect((await working.look([], patience())).logins).not.toEqual([]);
    await working.close();
  });

  it('is worked at where it is the expected one', async () => {
    const app = await db.makeApp({ strategy: 'flip' });
    const engine = createPostgresqlEngine(app.config, dependencies);
    const first = await engine.openSession(app.config.secretId, 5, patience(), null);
    const { serverFingerprint } = first;
    await first.close();

    const second = await engine.openSession(app.config.secretId, 6, patience(), serverFingerprint);

    expect(second.serverFingerprint).toBe(serverFingerprint);
    await second.close();
  });

  it('is neither taken for another nor for the same where the administrator may not read which one it is', async () => {
    const app = await db.makeApp({ strategy: 'flip' });
    const known = await identifyServer(app.config, dependencies, patience());
    const limited = { ...app.config, adminUser: 'limited', adminPassword: new SecretText('a-limited-administrator') };
    await db.sql(`CREATE ROLE limited LOGIN SUPERUSER PASSWORD 'a-limited-administrator'`);
    await prepareAdoption(app.config, 1, dependencies, patience(), null);
    await db.sql('ALTER ROLE limited NOSUPERUSER CREATEROLE');
    if (major >= 16) await db.sql(`GRANT "${app.owner}", "${app.owner}_a", "${app.owner}_b" TO limited WITH ADMIN OPTION`);
    await db.sql('REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC');
    const notesOf = async (config: typeof app.config): Promise<readonly string[]> =>
      (await inspect(config, 'rotate', dependencies, patience())).findings.map(({ code }) => code);

    for (const expectedServer of [known, expected]) {
      const engine = createPostgresqlEngine(limited, dependencies);
      const session = await engine.openSession(app.config.secretId, 6, patience(), expectedServer);
      expect(session.serverFingerprint).toBeNull();
      await session.close();
    }

    expect(await identifyServer(limited, dependencies, patience())).toBeNull();
    expect(await notesOf(limited)).toContain('server-not-identified');
    expect(await identifyServer(app.config, dependencies, patience())).toBe(known);
    expect(await notesOf(app.config)).not.toContain('server-not-identified');
    await db.sql('GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC');
  });
});
