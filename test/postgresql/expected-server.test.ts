/** A server that is not the expected one: nothing is written there, and nobody's session is ended. */
import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import { finishUnAdoption, prepareAdoption, recreateSlots } from '@sikkerkey/engines/postgresql/adopt.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
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
    const working = await engine.openSession(secretId, 5, patience());
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
    const first = await engine.openSession(app.config.secretId, 5, patience());
    const { serverFingerprint } = first;
    await first.close();

    const second = await engine.openSession(app.config.secretId, 6, patience(), serverFingerprint);

    expect(second.serverFingerprint).toBe(serverFingerprint);
    await second.close();
  });
});
