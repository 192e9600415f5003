/** The ways out of every rest in which a person is needed, on the real programs, and killed in the middle of each. */

import type { Boundary } from '@sikkerkey/core/rotation/ports.ts';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import { freePort } from '@sikkerkey/local-servers/free-port.ts';
import { type LocalPostgresql, startPostgresql } from '@sikkerkey/local-servers/postgresql/start.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import Database from 'better-sqlite3';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, startProgram } from '../daemon/programs.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { expectNothingLeftBehind, journalRows } from './expectations.ts';
import { readLiveCredential, tryLogin } from './logins.ts';
import { type Managed, Stand } from './stand.ts';

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open();
}, 60_000);

afterAll(() => stand?.close());

const stranger = 'set-by-somebody-else-0123456789';

/** Runs the command-line program against the stand's daemon. */
const commandLine = async (...words: string[]): Promise<{ code: number | string; output: string }> => {
  const program = startProgram('apps/cli/main.ts', words, { SIKKERKEY_HOME: stand.home });
  return { code: await program.ended, output: program.output() };
};
const rests = (managed: Managed, errorCode: string): Promise<AgentFact> =>
  eventually(
    `the agent rests with ${errorCode}`,
    async () => {
      const agent = await stand.agent(managed.secretId);
      return agent.errorCode === errorCode ? agent : null;
    },
    40_000,
  );
const slotsOf = async ({ owner }: Managed): Promise<readonly string[]> =>
  (
    await stand.sql<{ name: string }>('SELECT rolname AS name FROM pg_roles WHERE rolname IN ($1, $2) ORDER BY 1', [
      `${owner}_a`,
      `${owner}_b`,
    ])
  ).map(({ name }) => name);
const audited = async (secretId: string): Promise<readonly string[]> =>
  (await stand.operator('audit', { secretId, limit: 100 })).entries.map(({ action, detail }) => `${action} ${detail ?? ''}`);

/** An adoption whose daemon dies at the boundary, with what else happens before its successor starts. */
async function adoptionKilledAt(
  boundary: Boundary,
  meanwhile: (managed: Managed) => Promise<unknown>,
  strategy: 'flip' | 'single' = 'flip',
): Promise<Managed> {
  await stand.restartDaemon();
  const managed = await stand.manage(1_000);
  const killed = await stand.restartDaemon(boundary);
  await stand.client((client) => client.call('agent.adopt', { secretId: managed.secretId, strategy }));
  expect(await killed.ended).toBe('SIGKILL');
  await meanwhile(managed);
  return managed;
}

const strangersPassword = ({ owner }: Managed): Promise<unknown> => stand.sql(`ALTER ROLE ${owner} PASSWORD '${stranger}'`);

/** The server turns the login away behind its password, with a code that says to come again. */
async function turnAwayAtLogin({ owner }: Managed): Promise<void> {
  await stand.sql(`CREATE FUNCTION turn_away() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN IF session_user = '${owner}' THEN RAISE EXCEPTION USING ERRCODE = '57P03'; END IF; END $$`);
  await stand.sql('CREATE EVENT TRIGGER turn_away ON login EXECUTE FUNCTION turn_away()');
}

/** The login is its owner's again: one role, its password, no slot, and the vault may forget the secret. */
async function expectGivenBack(managed: Managed, password: string): Promise<void> {
  await eventually('the slots are gone', async () => (await slotsOf(managed)).length === 0, 90_000);
  await eventually('the journal is empty', () => journalRows(stand, managed) === 0, 5_000);
  expect(await tryLogin(stand, managed.owner, password)).toBe('accepted');
  await eventually('nothing is claimed any more', async () => {
    const { rotations } = await stand.operator('listRotations', { secretId: managed.secretId });
    return rotations.every(({ state }) => state === 'rejected');
  });
}

describe('an adoption that cannot go on', () => {
  test('is given back by un-adopt as it was: planned, audited, and the login can be adopted anew under another secret', async () => {
    const managed = await adoptionKilledAt('after-statement', strangersPassword);
    const { secretId, owner } = managed;
    await stand.restartDaemon();
    await rests(managed, 'foreign-password');

    const refused = await commandLine('agent', 'remove', secretId);
    expect(refused).toMatchObject({ code: 7 });
    expect(refused.output).toContain('removal-waits');
    const plan = await stand.client((client) => client.call('agent.plan', { secretId, kind: 'un-adopt' }));
    expect(plan.statements.map(({ text }) => text)).toEqual([`ALTER ROLE "${owner}_a" NOLOGIN PASSWORD NULL`]);
    expect(plan.retirement.map(({ text }) => text)).toEqual([`DROP ROLE "${owner}_a"`, `DROP ROLE "${owner}_b"`]);
    const undone = await commandLine('agent', 'un-adopt', secretId, '--yes');

    expect(undone.output).toContain('was undone');
    expect(undone.code).toBe(0);
    await expectGivenBack(managed, stranger);
    const acts = await audited(secretId);
    expect(acts.some((act) => /^rotation\.claim .*give-up$/.test(act))).toBe(true);
    expect(acts.some((act) => /^rotation\.reject .*given-up$/.test(act))).toBe(true);
    await eventually('the secret can be deleted', async () => {
      await stand.client((client) => client.call('agent.remove', { secretId })).catch(() => undefined);
      return (await commandLine('admin', 'secret', 'delete', secretId, '--yes')).code === 0;
    });
    await stand.sql(`ALTER ROLE ${owner} PASSWORD '${managed.firstPassword}'`);
    const anew = await stand.manageAgain(managed, 1_000);
    const { rotationId } = await stand.client((client) => client.call('agent.adopt', { secretId: anew.secretId }));
    await stand.retired(anew.secretId, rotationId);
  }, 240_000);

  test.each(['journalled-undo', 'before-statement', 'after-statement', 'rejected', 'finished'] as const)(
    'and whose return is killed at "%s" is given back by the next daemon, without being asked again',
    async (boundary) => {
      const managed = await adoptionKilledAt('after-statement', strangersPassword);
      const killed = await stand.restartDaemon(boundary);
      await rests(managed, 'foreign-password');
      const asked = stand.client((client) => client.call('agent.unAdopt', { secretId: managed.secretId }));
      await expect(asked).rejects.toThrow();
      expect(await killed.ended).toBe('SIGKILL');

      await stand.restartDaemon();

      await expectGivenBack(managed, stranger);
    },
    180_000,
  );

  test('because a slot was dropped: what is left of it goes, the login is untouched', async () => {
    const managed = await adoptionKilledAt('journalled-apply', ({ owner }) => stand.sql(`DROP ROLE ${owner}_a`));
    await stand.restartDaemon();
    await rests(managed, 'login-missing');

    const answer = await stand.client((client) => client.call('agent.unAdopt', { secretId: managed.secretId }));

    expect(answer.adoption).toBe('undone');
    await expectGivenBack(managed, managed.firstPassword);
  }, 180_000);

  test('because somebody made a role of a slot’s name: that role is neither closed nor dropped', async () => {
    const managed = await adoptionKilledAt('journalled-apply', async ({ owner }) => {
      await stand.sql(`DROP ROLE ${owner}_a`);
      await stand.sql(`CREATE ROLE ${owner}_a LOGIN PASSWORD '${stranger}'`);
    });
    await stand.restartDaemon();
    await rests(managed, 'login-missing');
    const plan = await stand.client((client) => client.call('agent.plan', { secretId: managed.secretId, kind: 'recreate-slots' }));
    expect(plan.findings).toContainEqual(expect.objectContaining({ code: 'slot-name-taken', severity: 'blocks' }));

    await stand.client((client) => client.call('agent.unAdopt', { secretId: managed.secretId }));

    await eventually('the journal is empty', () => journalRows(stand, managed) === 0);
    expect(await tryLogin(stand, `${managed.owner}_a`, stranger)).toBe('accepted');
    expect(await tryLogin(stand, managed.owner, managed.firstPassword)).toBe('accepted');
    await eventually('nothing is left to do', async () => {
      const { state, adopted, errorCode } = await stand.agent(managed.secretId);
      return state === 'IDLE' && !adopted && errorCode === null;
    });
  }, 180_000);

  test('in place gets back the password that it came with', async () => {
    const managed = await adoptionKilledAt('after-statement', turnAwayAtLogin, 'single');
    await stand.restartDaemon();
    await eventually('the new password is in place', async () => (await stand.agent(managed.secretId)).state === 'APPLIED', 40_000);
    const plan = await stand.client((client) => client.call('agent.plan', { secretId: managed.secretId, kind: 'un-adopt' }));
    expect(plan.statements.map(({ target }) => target)).toEqual([managed.owner]);

    const answer = await stand.client((client) => client.call('agent.unAdopt', { secretId: managed.secretId }));

    expect(answer.adoption).toBe('undone');
    await stand.sql('DROP EVENT TRIGGER turn_away');
    await expectGivenBack(managed, managed.firstPassword);
  }, 180_000);
});

describe('a rotation whose login slot was dropped', () => {
  const stuck = async (): Promise<{ managed: Managed; rotationId: string }> => {
    await stand.restartDaemon();
    const managed = await stand.adopted();
    const killed = await stand.restartDaemon('journalled-apply');
    const { rotationId } = await stand.client((client) => client.call('agent.rotate', { secretId: managed.secretId }));
    expect(await killed.ended).toBe('SIGKILL');
    await stand.sql(`DROP ROLE ${managed.owner}_b`);
    return { managed, rotationId };
  };

  test('goes on once a person has the slot made again: by the command in the error, plan first, and by no other', async () => {
    const { managed, rotationId } = await stuck();
    await stand.restartDaemon();
    const { secretId } = managed;
    expect(await rests(managed, 'login-missing')).toMatchObject({ state: 'QUARANTINED' });

    const looked = await commandLine('agent', 'repair', secretId);
    expect(looked.output).toContain(`sikkerkey agent repair --secret ${secretId} --recreate-slots`);
    expect(await commandLine('agent', 'repair', secretId, '--accept-server', '--yes')).toMatchObject({ code: 7 });
    const unasked = await commandLine('agent', 'repair', secretId, '--recreate-slots');
    expect(unasked).toMatchObject({ code: 2 });
    expect(unasked.output).toContain(`CREATE ROLE "${managed.owner}_b" NOLOGIN`);
    expect(await slotsOf(managed)).toEqual([`${managed.owner}_a`]);
    const repaired = await commandLine('agent', 'repair', secretId, '--recreate-slots', '--yes');

    expect(repaired.code).toBe(0);
    await stand.retired(secretId, rotationId);
    await expectNothingLeftBehind(stand, managed);
    expect((await audited(secretId)).some((act) => /^rotation\.claim .*recreate-slots$/.test(act))).toBe(true);
    expect(await commandLine('agent', 'repair', secretId, '--recreate-slots', '--yes')).toMatchObject({ code: 7 });
    expect(
      await stand
        .client((client) => client.call('agent.repair', { secretId, overwriteForeignPassword: false, recreateSlots: true }))
        .catch((error: unknown) => error),
    ).toMatchObject({
      data: { code: 'repair-does-not-fit' },
    });
  }, 180_000);

  test('goes on in the next daemon where this one is killed right after the slot was made', async () => {
    const { managed, rotationId } = await stuck();
    const killed = await stand.restartDaemon('slots-recreated');
    const { secretId } = managed;
    await rests(managed, 'login-missing');
    const asked = stand.client((client) => client.call('agent.repair', { secretId, overwriteForeignPassword: false, recreateSlots: true }));
    await expect(asked).rejects.toThrow();
    expect(await killed.ended).toBe('SIGKILL');

    await stand.restartDaemon();

    await stand.retired(secretId, rotationId);
    await expectNothingLeftBehind(stand, managed);
  }, 120_000);
});

describe('an agent that rests in quarantine', () => {
  test('is shown so when it is stopped, and after a restart of the daemon', async () => {
    const managed = await adoptionKilledAt('journalled-apply', strangersPassword);
    await stand.restartDaemon();
    await rests(managed, 'foreign-password');
    const { secretId } = managed;

    const stopped = await stand.client((client) => client.call('agent.stop', { secretId }));
    expect(stopped).toMatchObject({ running: false, state: 'QUARANTINED', errorCode: 'foreign-password' });
    await stand.restartDaemon();

    expect(await stand.agent(secretId)).toMatchObject({ running: false, state: 'QUARANTINED', errorCode: 'foreign-password' });
    await stand.client((client) => client.call('agent.unAdopt', { secretId }));
    await expectGivenBack(managed, stranger);
    expect(await stand.agent(secretId)).toMatchObject({ state: 'IDLE', errorCode: null });
  }, 180_000);
});

describe('a backup from before two rotations, restored while a version is pending', () => {
  test('is recognised and repaired, and the rotation goes through', async () => {
    await stand.restartDaemon();
    const managed = await stand.adopted();
    const { secretId } = managed;
    const rotate = () => stand.client((client) => client.call('agent.rotate', { secretId }));
    const before = await readLiveCredential(stand, managed);
    const [saved] = await stand.sql<{ verifier: string }>('SELECT rolpassword AS verifier FROM pg_authid WHERE rolname = $1', [
      before.username,
    ]);
    for (let turn = 0; turn < 2; turn += 1) await stand.retired(secretId, (await rotate()).rotationId);
    const live = await readLiveCredential(stand, managed);
    const killed = await stand.restartDaemon('journalled-apply');
    const { rotationId } = await rotate();
    expect(await killed.ended).toBe('SIGKILL');
    await stand.sql(`ALTER ROLE ${live.username} PASSWORD '${saved?.verifier}'`);

    await stand.restartDaemon();

    await stand.retired(secretId, rotationId);
    const told = stand.daemon.output().split('\n');
    expect(told.filter((line) => line.includes(secretId) && line.includes('QUARANTINED'))).toEqual([]);
    await expectNothingLeftBehind(stand, managed);
  }, 120_000);
});

describe('a database that is gone for good', () => {
  const pointElsewhere = async ({ secretId }: Managed): Promise<void> => {
    const port = await freePort();
    const { host, superuser, database } = stand.postgresql;
    const place = { provider: 'postgresql', host, port, database, adminUser: superuser, adminPassword: 'none', tls: 'disable' } as const;
    await stand.client((client) => client.call('agent.configure', { secretId, ...place }));
  };
  const stuck = async (failpoint?: string): Promise<Managed> => {
    const managed = await adoptionKilledAt('after-statement', strangersPassword);
    await stand.restartDaemon(failpoint);
    await rests(managed, 'foreign-password');
    await pointElsewhere(managed);
    return managed;
  };
  const receipts = (secretId: string): readonly { left: string | null; outcome: string }[] => {
    const { journalFile } = homeOf({ ...readEnvironment(), home: stand.home });
    const journal = new Database(journalFile, { readonly: true });
    try {
      return journal
        .prepare<[string], { left: string | null; outcome: string }>(
          'SELECT left_behind AS left, outcome FROM receipt WHERE secret_id = ? ORDER BY id',
        )
        .all(secretId);
    } finally {
      journal.close();
    }
  };

  test('is abandoned with its agent: asked for in words, audited, and every login that may be left is named and kept', async () => {
    const managed = await stuck();
    const { secretId, owner } = managed;
    expect(await commandLine('agent', 'remove', secretId, '--abandon', '--yes')).toMatchObject({ code: 2 });
    expect(await commandLine('agent', 'remove', secretId, '--abandon', '--reason', 'burnt down')).toMatchObject({ code: 2 });
    expect(journalRows(stand, managed)).toBe(1);

    const abandoned = await commandLine('agent', 'remove', secretId, '--abandon', '--reason', 'burnt down', '--yes');

    expect(abandoned.code).toBe(0);
    expect(abandoned.output).toContain(`${owner}: v1 (current)`);
    expect(abandoned.output).toContain(`${owner}_a: v2 (quarantined)`);
    expect(abandoned.output).toContain(`${owner}_b: no version`);
    expect(journalRows(stand, managed)).toBe(0);
    const [receipt] = receipts(secretId).slice(-1);
    expect(receipt?.outcome).toBe('abandoned');
    expect(JSON.parse(receipt?.left ?? 'null')).toEqual([
      { login: owner, version: 1, label: 'current' },
      { login: `${owner}_a`, version: 2, label: 'quarantined' },
      { login: `${owner}_b`, version: null, label: 'none' },
    ]);
    expect((await audited(secretId)).some((act) => act.startsWith('secret.abandon burnt down;'))).toBe(true);
    expect((await stand.operator('listVersions', { secretId })).versions.map(({ version, label }) => [version, label])).toEqual([
      [2, 'quarantined'],
      [1, 'current'],
    ]);
    expect(await commandLine('admin', 'secret', 'delete', secretId, '--yes')).toMatchObject({ code: 0 });
    const { agents } = await stand.client((client) => client.call('agent.list', {}));
    expect(agents.map((agent) => agent.secretId)).not.toContain(secretId);
  }, 120_000);

  test.each(['abandoned-at-vault', 'abandonment-kept'])(
    'and killed at "%s" is abandoned when asked again, with the same answer',
    async (boundary) => {
      const managed = await stuck(boundary);
      const { secretId, owner } = managed;
      const abandon = () => stand.client((client) => client.call('agent.remove', { secretId, abandon: { reason: 'burnt down' } }));
      const { daemon } = stand;
      await expect(abandon()).rejects.toThrow();
      expect(await daemon.ended).toBe('SIGKILL');
      await stand.restartDaemon();

      const { leftBehind } = await abandon();

      expect(leftBehind.map(({ login, version }) => [login, version])).toEqual([
        [owner, 1],
        [`${owner}_a`, 2],
        [`${owner}_b`, null],
      ]);
      expect(journalRows(stand, managed)).toBe(0);
      expect(receipts(secretId).some(({ outcome, left }) => outcome === 'abandoned' && left?.includes(`${owner}_a`) === true)).toBe(true);
    },
    120_000,
  );
});

describe('a database that was moved to another server in the middle of a rotation', () => {
  let target: LocalPostgresql;

  beforeAll(async () => {
    target = await startPostgresql();
  }, 60_000);

  afterAll(() => target?.stop());

  const on = async (server: LocalPostgresql, user: string, password: string, text: string): Promise<readonly Record<string, unknown>[]> => {
    const client = new pg.Client({ host: server.host, port: server.port, user, password, database: server.database });
    await client.connect();
    return (await client.query(text).finally(() => client.end())).rows as Record<string, unknown>[];
  };
  const administer = (text: string) => on(target, target.superuser, target.password.reveal(), text);
  /** A rotation under way at a first server that is gone now; its logins, as a dump brings them, at the second. */
  const movedOver = async (failpoint?: string): Promise<{ moved: Stand; managed: Managed; rotationId: string }> => {
    let first: TcpProxy | undefined;
    const moved = await Stand.open({
      databasePort: async (port) => {
        first = await startTcpProxy({ host: '127.0.0.1', port });
        return first.port;
      },
    });
    const managed = await moved.adopted();
    const { secretId, owner } = managed;
    const killed = await moved.restartDaemon('looked');
    const { rotationId } = await moved.client((client) => client.call('agent.rotate', { secretId }));
    expect(await killed.ended).toBe('SIGKILL');
    const roles = await moved.sql<{ name: string; login: boolean; verifier: string | null; comment: string }>(
      `SELECT rolname AS name, rolcanlogin AS login, rolpassword AS verifier, shobj_description(oid, 'pg_authid') AS comment
         FROM pg_authid WHERE rolname IN ($1::text, $1::text || '_a', $1::text || '_b') ORDER BY 1`,
      [owner],
    );
    await administer(`DROP ROLE IF EXISTS ${owner}_a, ${owner}_b, ${owner}`);
    for (const { name, login, verifier, comment } of roles) {
      await administer(`CREATE ROLE ${name} ${login ? 'LOGIN' : 'NOLOGIN'} PASSWORD ${verifier === null ? 'NULL' : `'${verifier}'`}`);
      await administer(`COMMENT ON ROLE ${name} IS '${comment}'`);
    }
    for (const slot of ['a', 'b'])
      await administer(`GRANT ${owner} TO ${owner}_${slot}; ALTER ROLE ${owner}_${slot} SET role TO '${owner}'`);
    await first?.stop();
    await moved.restartDaemon(failpoint);
    const { host, port, superuser: adminUser, database, password } = target;
    const place = { provider: 'postgresql', host, port, database, adminUser, adminPassword: password.reveal(), tls: 'disable' } as const;
    await moved.client((client) => client.call('agent.configure', { secretId, ...place }));
    const isAtRest = async (): Promise<boolean> => {
      const { state, errorCode } = await moved.agent(secretId);
      return state === 'QUARANTINED' && errorCode === 'different-server';
    };
    await eventually('the other server is noticed', isAtRest, 40_000);
    return { moved, managed, rotationId };
  };
  const openLogins = async (owner: string): Promise<readonly unknown[]> =>
    (await administer(`SELECT rolname AS name FROM pg_roles WHERE rolname LIKE '${owner}%' AND rolcanlogin`)).map(({ name }) => name);

  test('is left alone until a person accepts the server, by the command in the error, plan first', async () => {
    const { moved, managed, rotationId } = await movedOver();
    const { secretId, owner } = managed;
    const run = async (...words: string[]): Promise<{ code: number | string; output: string }> => {
      const program = startProgram('apps/cli/main.ts', words, { SIKKERKEY_HOME: moved.home });
      return { code: await program.ended, output: program.output() };
    };
    try {
      const looked = await run('agent', 'repair', secretId);
      expect(looked.output).toContain(`sikkerkey agent repair --secret ${secretId} --accept-server`);
      expect(await run('agent', 'repair', secretId, '--recreate-slots', '--yes')).toMatchObject({ code: 7 });
      const unasked = await run('agent', 'repair', secretId, '--accept-server');
      expect(unasked).toMatchObject({ code: 2 });
      expect(unasked.output).toContain(`ALTER ROLE "${owner}_b" LOGIN PASSWORD`);
      expect(await openLogins(owner)).toEqual([`${owner}_a`]);

      const accepted = await run('agent', 'repair', secretId, '--accept-server', '--yes');

      expect(accepted.code).toBe(0);
      await moved.retired(secretId, rotationId);
      const live = await readLiveCredential(moved, managed);
      expect(await on(target, live.username, live.password, 'SELECT session_user AS name')).toEqual([{ name: `${owner}_b` }]);
      expect(await openLogins(owner)).toEqual([`${owner}_b`]);
      const { entries } = await moved.operator('audit', { secretId, limit: 100 });
      expect(entries.some(({ detail }) => detail?.endsWith('accept-server') === true)).toBe(true);
    } finally {
      await moved.close();
    }
  }, 180_000);

  test('stays accepted where the daemon is killed right behind the word', async () => {
    const { moved, managed, rotationId } = await movedOver('server-accepted');
    const { secretId, owner } = managed;
    try {
      const { daemon } = moved;
      const asked = moved.client((client) =>
        client.call('agent.repair', { secretId, overwriteForeignPassword: false, acceptServer: true }),
      );
      await expect(asked).rejects.toThrow();
      expect(await daemon.ended).toBe('SIGKILL');

      await moved.restartDaemon();

      await moved.retired(secretId, rotationId);
      expect(await openLogins(owner)).toEqual([`${owner}_b`]);
    } finally {
      await moved.close();
    }
  }, 180_000);
});
