/** What a database may hold that is not as the vault left it, on the real programs: a newer mark, a copy, a stranger's password. */
import { type LocalPostgresql, startPostgresql } from '@sikkerkey/local-servers/postgresql/start.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, startProgram } from '../daemon/programs.ts';
import { expectNothingLeftBehind } from './expectations.ts';
import { machineClient } from './login-meter.ts';
import { readLiveCredential, tryLogin } from './logins.ts';
import { type Managed, Stand } from './stand.ts';

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open({ drainDeadlineMs: 600_000 });
}, 60_000);

afterAll(() => stand?.close());

const commandLine = async (...words: string[]): Promise<{ code: number | string; output: string }> => {
  const program = startProgram('apps/cli/main.ts', words, { SIKKERKEY_HOME: stand.home });
  return { code: await program.ended, output: program.output() };
};
const rests = (managed: Managed, errorCode: string): Promise<AgentFact> =>
  eventually(`the agent shows ${errorCode}`, async () => {
    const agent = await stand.agent(managed.secretId);
    return agent.errorCode === errorCode ? agent : null;
  });
const rotate = async ({ secretId }: Managed): Promise<string> =>
  (await stand.client((client) => client.call('agent.rotate', { secretId }))).rotationId;
const looksNow = ({ secretId }: Managed, said: { readonly overwriteForeignPassword?: boolean } = {}): Promise<AgentFact> =>
  stand.client((client) => client.call('agent.repair', { secretId, overwriteForeignPassword: false, ...said }));
const isPromoted = ({ secretId }: Managed, rotationId: string): Promise<unknown> =>
  eventually('the rotation is promoted', async () => {
    const { rotations } = await stand.operator('listRotations', { secretId });
    return rotations.find((rotation) => rotation.rotationId === rotationId)?.state === 'promoted';
  });
const nobodyWaits = ({ secretId }: Managed): Promise<unknown> =>
  stand.operator('setSchedule', { secretId, intervalMs: null, drainDeadlineMs: 1_000 });
const claimsOf = async ({ secretId }: Managed): Promise<readonly string[]> =>
  (await stand.operator('audit', { secretId, limit: 100 })).entries
    .filter(({ action }) => action === 'rotation.claim')
    .map(({ detail }) => detail ?? '');

describe('a database that holds a newer epoch than the vault has given', () => {
  test('is left alone and claimed no more than slowly, and is gone on with once a person says so', async () => {
    const managed = await stand.adopted();
    await nobodyWaits(managed);
    const { secretId, owner } = managed;
    await stand.sql(`COMMENT ON ROLE ${owner} IS 'the till [sikkerkey secret=${secretId} epoch=5000]'`);
    const before = (await claimsOf(managed)).length;

    const rotationId = await rotate(managed);
    expect(await rests(managed, 'epoch-ahead')).toMatchObject({ state: 'QUARANTINED' });
    const looked = await commandLine('agent', 'repair', secretId);

    expect(looked).toMatchObject({ code: 6 });
    expect(looked.output).toContain(`sikkerkey agent repair --secret ${secretId} --accept-epoch`);
    expect((await claimsOf(managed)).length).toBeLessThanOrEqual(before + 4);
    expect(await commandLine('agent', 'repair', secretId, '--accept-epoch')).toMatchObject({ code: 2 });

    expect(await commandLine('agent', 'repair', secretId, '--accept-epoch', '--yes')).toMatchObject({ code: 0 });

    await stand.retired(secretId, rotationId);
    await expectNothingLeftBehind(stand, managed);
    expect((await claimsOf(managed)).some((claim) => /^epoch 5001 pending accept-epoch$/.test(claim))).toBe(true);
    expect(await commandLine('agent', 'repair', secretId, '--accept-epoch', '--yes')).toMatchObject({ code: 7 });
  }, 120_000);
});

describe('a newer epoch that is put right by hand', () => {
  /** An agent that rests because of a mark that nobody gave it, and the mark that was there. */
  const restingAhead = async (): Promise<{ managed: Managed; rotationId: string; mark: string }> => {
    const managed = await stand.adopted();
    await nobodyWaits(managed);
    const { secretId, owner } = managed;
    const [role] = await stand.sql<{ mark: string }>(
      `SELECT shobj_description(oid, 'pg_authid') AS mark FROM pg_authid WHERE rolname = '${owner}'`,
    );
    await stand.sql(`COMMENT ON ROLE ${owner} IS '[sikkerkey secret=${secretId} epoch=5000]'`);
    const rotationId = await rotate(managed);
    await rests(managed, 'epoch-ahead');
    return { managed, rotationId, mark: role?.mark ?? '' };
  };

  test('is noticed by a look, and the work in flight goes on', async () => {
    const { managed, rotationId, mark } = await restingAhead();
    expect(await looksNow(managed)).toMatchObject({ state: 'QUARANTINED', errorCode: 'epoch-ahead' });
    await stand.sql(`COMMENT ON ROLE ${managed.owner} IS '${mark}'`);

    await looksNow(managed);

    await stand.retired(managed.secretId, rotationId);
    await expectNothingLeftBehind(stand, managed);
  }, 60_000);

  test('leaves nothing to accept for the command that the agent names, and the work goes on', async () => {
    const { managed, rotationId, mark } = await restingAhead();
    await stand.sql(`COMMENT ON ROLE ${managed.owner} IS '${mark}'`);

    const { code } = await commandLine('agent', 'repair', managed.secretId, '--accept-epoch', '--yes');

    // 7: the agent has noticed by itself before it was told, and there was nothing to accept.
    expect([0, 7]).toContain(code);
    await stand.retired(managed.secretId, rotationId);
    expect((await claimsOf(managed)).some((claim) => claim.includes('accept-epoch'))).toBe(false);
  }, 60_000);
});

describe('a login that another secret has taken over', () => {
  test('is left to it: the other one is named, with the command that gives the login back there', async () => {
    const managed = await stand.adopted();
    const { secretId, owner } = managed;
    await stand.sql(`COMMENT ON ROLE ${owner} IS '[sikkerkey secret=sk_the_other epoch=3]'`);

    const rotationId = await rotate(managed);

    const agent = await rests(managed, 'managed-by-another-secret');
    expect(agent.errorDetails).toMatchObject({ otherSecretId: 'sk_the_other' });
    const tested = await commandLine('agent', 'test', secretId);
    expect(tested.output.replaceAll(/\s+/g, ' ')).toContain('sikkerkey agent un-adopt --secret sk_the_other');
    const { rotations } = await stand.operator('listRotations', { secretId });
    expect(rotations.find((rotation) => rotation.rotationId === rotationId)?.state).toBe('pending');
  }, 60_000);
});

describe('an agent that is sent to a copy of its database', () => {
  let copy: LocalPostgresql;

  beforeAll(async () => {
    copy = await startPostgresql();
  }, 60_000);

  afterAll(() => copy?.stop());

  const logins = `SELECT rolname AS name, rolcanlogin AS login, rolpassword AS verifier, shobj_description(oid, 'pg_authid') AS comment
     FROM pg_authid WHERE rolname LIKE 'app\\_%' ORDER BY 1`;
  const atCopy = async (text: string): Promise<readonly Record<string, unknown>[]> => {
    const { host, port, superuser: user, database } = copy;
    const client = new pg.Client({ host, port, user, password: copy.password.reveal(), database });
    await client.connect();
    return (await client.query(text).finally(() => client.end())).rows as Record<string, unknown>[];
  };
  const dumpTo = async ({ owner }: Managed): Promise<void> => {
    const roles = await stand.sql<{ name: string; login: boolean; verifier: string | null; comment: string }>(logins);
    for (const { name, login, verifier, comment } of roles.filter((role) => role.name.startsWith(owner))) {
      await atCopy(`CREATE ROLE ${name} ${login ? 'LOGIN' : 'NOLOGIN'} PASSWORD ${verifier === null ? 'NULL' : `'${verifier}'`}`);
      await atCopy(`COMMENT ON ROLE ${name} IS '${comment}'`);
    }
    for (const slot of ['a', 'b']) await atCopy(`GRANT ${owner} TO ${owner}_${slot}; ALTER ROLE ${owner}_${slot} SET role TO '${owner}'`);
  };
  const configuredAt = ({ secretId }: Managed, { host, port, database, superuser, password }: LocalPostgresql): Promise<AgentFact> =>
    stand.client((client) =>
      client.call('agent.configure', {
        ...{ secretId, provider: 'postgresql', host, port, database, adminUser: superuser, tls: 'disable' },
        adminPassword: password.reveal(),
      }),
    );

  test('writes nothing there, keeps production as it is, and goes on where it came from', async () => {
    const managed = await stand.adopted();
    await nobodyWaits(managed);
    await dumpTo(managed);
    const copied = await atCopy(logins);
    await configuredAt(managed, copy);

    const rotationId = await rotate(managed);

    expect(await rests(managed, 'different-server')).toMatchObject({ state: 'QUARANTINED' });
    expect(await atCopy(logins)).toEqual(copied);
    const live = await readLiveCredential(stand, managed);
    expect(await tryLogin(stand, live.username, live.password)).toBe('accepted');
    expect(await commandLine('agent', 'repair', managed.secretId, '--recreate-slots', '--yes')).toMatchObject({ code: 7 });
    expect(await atCopy(logins)).toEqual(copied);

    await configuredAt(managed, stand.postgresql);

    await stand.retired(managed.secretId, rotationId);
    await expectNothingLeftBehind(stand, managed);
  }, 120_000);

  test('works there from then on where a person says beforehand that the database has moved', async () => {
    const managed = await stand.adopted();
    await nobodyWaits(managed);
    const { secretId, owner } = managed;
    expect(await commandLine('agent', 'repair', secretId, '--accept-server', '--yes')).toMatchObject({ code: 7 });
    await dumpTo(managed);
    await configuredAt(managed, copy);

    expect(await commandLine('agent', 'repair', secretId, '--accept-server', '--yes')).toMatchObject({ code: 0 });

    await stand.retired(secretId, await rotate(managed));
    expect(await atCopy(`SELECT rolname AS name FROM pg_roles WHERE rolname LIKE '${owner}%' AND rolcanlogin`)).toEqual([
      { name: `${owner}_b` },
    ]);
    expect((await claimsOf(managed)).some((claim) => claim.endsWith('steady accept-server'))).toBe(true);
  }, 120_000);
});

describe('a password that somebody else gives the login that drains', () => {
  const stranger = 'set-by-the-dba-because-of-a-leak';

  /** A drain that a reader keeps open, whose login gets another password. */
  const drainingWithStranger = async (): Promise<{
    managed: Managed;
    rotationId: string;
    leaked: { username: string; password: string };
  }> => {
    const managed = await stand.adopted();
    const reader = await machineClient(stand);
    const read = await reader.machine('readSecret', { secretId: managed.secretId, instance: `reader-${managed.owner}`, pool: 'p' });
    await reader.close();
    const leaked = JSON.parse(read.value) as { username: string; password: string };
    const rotationId = await rotate(managed);
    await isPromoted(managed, rotationId);
    await stand.sql(`ALTER ROLE ${leaked.username} PASSWORD '${stranger}'`);
    return { managed, rotationId, leaked };
  };

  test('stays, is shown while the drain goes on, and goes with its login at the end', async () => {
    const { managed, rotationId, leaked } = await drainingWithStranger();

    const shown = await looksNow(managed);

    expect(shown).toMatchObject({ state: 'DRAINING', errorCode: 'foreign-password-draining' });
    expect(await looksNow(managed)).toMatchObject({ state: 'DRAINING', errorCode: 'foreign-password-draining' });
    expect(await tryLogin(stand, leaked.username, leaked.password)).toBe('28P01');
    expect(await tryLogin(stand, leaked.username, stranger)).toBe('accepted');
    const live = await readLiveCredential(stand, managed);
    expect(await tryLogin(stand, live.username, live.password)).toBe('accepted');

    await stand.operator('retireNow', { secretId: managed.secretId });

    await stand.retired(managed.secretId, rotationId);
    await expectNothingLeftBehind(stand, managed);
  }, 120_000);

  test('does not keep the live login from being mended', async () => {
    const { managed, leaked } = await drainingWithStranger();
    const live = await readLiveCredential(stand, managed);
    await stand.sql(`ALTER ROLE ${live.username} NOLOGIN`);

    await looksNow(managed);

    expect(await tryLogin(stand, live.username, live.password)).toBe('accepted');
    expect(await tryLogin(stand, leaked.username, stranger)).toBe('accepted');
  }, 120_000);

  test('is overwritten by the version before where a person says so, by the command in the error', async () => {
    const { managed, leaked } = await drainingWithStranger();
    const looked = await commandLine('agent', 'repair', managed.secretId);
    expect(looked).toMatchObject({ code: 6 });
    expect(looked.output).toContain(`sikkerkey agent repair --secret ${managed.secretId} --overwrite-foreign-password`);

    const repaired = await commandLine('agent', 'repair', managed.secretId, '--overwrite-foreign-password', '--yes');

    expect(repaired).toMatchObject({ code: 0 });
    expect(await tryLogin(stand, leaked.username, leaked.password)).toBe('accepted');
    expect(await stand.agent(managed.secretId)).toMatchObject({ state: 'DRAINING', errorCode: null });
  }, 120_000);
});

describe('a login that drains and that an administrator locks because of a leak', () => {
  test.each([{ how: 'NOLOGIN' }, { how: 'PASSWORD NULL' }])(
    'stays locked by $how, and is shown',
    async ({ how }) => {
      const managed = await stand.adopted();
      const reader = await machineClient(stand);
      const read = await reader.machine('readSecret', { secretId: managed.secretId, instance: `locked-${managed.owner}`, pool: 'p' });
      await reader.close();
      const leaked = JSON.parse(read.value) as { username: string; password: string };
      await isPromoted(managed, await rotate(managed));
      await stand.sql(`ALTER ROLE ${leaked.username} ${how}`);

      expect(await looksNow(managed)).toMatchObject({ state: 'DRAINING', errorCode: 'locked-login-draining' });

      expect(await tryLogin(stand, leaked.username, leaked.password)).not.toBe('accepted');
      const live = await readLiveCredential(stand, managed);
      expect(await tryLogin(stand, live.username, live.password)).toBe('accepted');
      expect(await looksNow(managed, { overwriteForeignPassword: true })).toMatchObject({ state: 'DRAINING', errorCode: null });
      expect(await tryLogin(stand, leaked.username, leaked.password)).toBe('accepted');
    },
    60_000,
  );
});

describe('both logins of a drain', () => {
  const draining = async (): Promise<Managed> => {
    const managed = await stand.adopted();
    const reader = await machineClient(stand);
    await reader.machine('readSecret', { secretId: managed.secretId, instance: `both-${managed.owner}`, pool: 'p' });
    await reader.close();
    await isPromoted(managed, await rotate(managed));
    return managed;
  };

  test('are opened at once after a restart where the daemon died in the middle of their repair', async () => {
    const managed = await draining();
    const { owner, secretId } = managed;
    const live = await readLiveCredential(stand, managed);
    const dying = await stand.restartDaemon('before-statement');
    await eventually('the agent is there again', async () => (await stand.agent(secretId)).state === 'DRAINING');
    for (const slot of ['a', 'b']) await stand.sql(`ALTER ROLE ${owner}_${slot} NOLOGIN PASSWORD NULL`);
    await looksNow(managed).catch(() => null);
    expect(await dying.ended).toBe('SIGKILL');

    await stand.restartDaemon();

    const logsIn = async (): Promise<boolean> => (await tryLogin(stand, live.username, live.password)) === 'accepted';
    await eventually('the live login is open', logsIn, 15_000);
    await eventually('it drains on', async () => (await stand.agent(secretId)).state === 'DRAINING');
  }, 120_000);

  test("show a stranger's password on the live one for as long as it is there", async () => {
    const managed = await draining();
    const live = await readLiveCredential(stand, managed);
    await stand.sql(`ALTER ROLE ${live.username} PASSWORD 'set-by-somebody-else'`);
    expect(await looksNow(managed)).toMatchObject({ state: 'QUARANTINED', errorCode: 'foreign-password' });

    const before = (await claimsOf(managed)).length;
    await stand.restartDaemon();
    await eventually('its row is taken up', async () => (await claimsOf(managed)).length > before);
    let inARow = 0;
    await eventually('it is shown on', async () => {
      inARow = (await stand.agent(managed.secretId)).errorCode === 'foreign-password' ? inARow + 1 : 0;
      return inARow === 20;
    });
    expect(await looksNow(managed)).toMatchObject({ state: 'QUARANTINED', errorCode: 'foreign-password' });

    expect(await looksNow(managed, { overwriteForeignPassword: true })).toMatchObject({ state: 'DRAINING', errorCode: null });
    expect(await tryLogin(stand, live.username, live.password)).toBe('accepted');
  }, 120_000);
});
