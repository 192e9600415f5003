import type { Slot } from '@sikkerkey/core/rotation/types.ts';
import { prepareAdoption } from '@sikkerkey/engines/postgresql/adopt.ts';
import { nextSlot, roleOfSlot } from '@sikkerkey/engines/postgresql/config.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { availablePostgresqlVersions } from '@sikkerkey/local-servers/postgresql/start.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, dependencies, type Fixture, passwordOf, patience, startFixture } from './fixture.ts';

const workers = 12;
const rotations = 6;

interface Load {
  /** Logins with this user name that are under way. */
  underWay(username: string): number;
  /** Logins that failed so far. */
  failures(): number;
  finish(): Promise<{ readonly tried: number; readonly failed: readonly string[] }>;
}

/** Logs in all the time with what is live at that moment; counts what failed. */
function applyLoad(db: Fixture, live: () => { readonly username: string; readonly password: string }): Load {
  let isOver = false;
  let tried = 0;
  const failed: string[] = [];
  const underWay = new Map<string, number>();
  const count = (username: string, step: 1 | -1): void => {
    underWay.set(username, (underWay.get(username) ?? 0) + step);
  };
  const work = async (): Promise<void> => {
    while (!isOver) {
      const { username, password } = live();
      count(username, 1);
      const refusal = await db.tryLogin(username, password);
      count(username, -1);
      tried += 1;
      if (refusal !== null) failed.push(refusal);
    }
  };
  const all = Promise.all(Array.from({ length: workers }, work));
  return {
    underWay: (username) => underWay.get(username) ?? 0,
    failures: () => failed.length,
    finish: async () => {
      isOver = true;
      await all;
      return { tried, failed };
    },
  };
}

describe.each(await availablePostgresqlVersions())('new logins on PostgreSQL %i', (major) => {
  let db: Fixture;
  beforeAll(async () => {
    db = await startFixture({ major });
  }, 60_000);
  afterAll(() => db.stop());

  it('never fail through adoption and rotations by slots, with 12 workers logging in', async () => {
    const app = await db.makeApp();
    const engine = createPostgresqlEngine(app.config, dependencies);
    let live: { slot: Slot; version: number } = { slot: 'owner', version: 1 };
    const credential = (app: App): { username: string; password: string } => ({
      username: roleOfSlot(app.owner, live.slot),
      password: live.version === 1 ? app.password : passwordOf(live.version),
    });
    const load = applyLoad(db, () => credential(app));

    await prepareAdoption(app.config, 1, dependencies, patience(), null);
    for (let version = 2; version <= rotations + 1; version += 1) {
      const previous = live;
      const slot = nextSlot('flip', live.slot);
      const session = await engine.openSession(app.config.secretId, version, patience(), null);
      await session.execute({ kind: 'enable', slot, version }, [app.candidate(version, slot)], patience());
      expect(await engine.verify(app.candidate(version, slot), patience())).toEqual({ kind: 'verified' });
      live = { slot, version };
      // The drain: nobody is logging in with the credential from before.
      await expect.poll(() => load.underWay(roleOfSlot(app.owner, previous.slot)), { interval: 5, timeout: 10_000 }).toBe(0);
      await session.execute({ kind: 'disable', slot: previous.slot }, [], patience());
      await session.close();
    }
    const { tried, failed } = await load.finish();

    expect(failed).toEqual([]);
    expect(tried).toBeGreaterThan(rotations * workers);
  });

  it('fail when the password is changed in place, so that the measurement can fail', async () => {
    const app = await db.makeApp({ strategy: 'single' });
    const engine = createPostgresqlEngine(app.config, dependencies);
    const load = applyLoad(db, () => ({ username: app.owner, password: app.password }));
    const session = await engine.openSession(app.config.secretId, 1, patience(), null);

    await session.execute({ kind: 'set', version: 2 }, [app.candidate(2, 'owner')], patience());
    await session.close();
    await expect.poll(load.failures, { interval: 5 }).toBeGreaterThan(0);
    const { failed } = await load.finish();

    expect(new Set(failed)).toEqual(new Set(['28P01']));
  });
});
