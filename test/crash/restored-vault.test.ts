/** A vault that is restored from a backup grants epochs for the second time and has forgotten versions: nothing is closed unasked. */
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually, type RunningVault, startDaemon, startProgram, startVault, withClient } from '../daemon/programs.ts';
import { expectNothingLeftBehind } from './expectations.ts';
import { machineClient } from './login-meter.ts';
import { readLiveCredential, tryLogin } from './logins.ts';
import { type Managed, Stand } from './stand.ts';

let stand: Stand | undefined;
let vault: RunningVault;

afterEach(async () => {
  await vault.stop();
  await stand?.close();
});

/** A host and its vault, closed after the test. */
async function standWith(drainDeadlineMs: number): Promise<Stand> {
  const opened = await Stand.open({ drainDeadlineMs });
  stand = opened;
  vault = opened.vault;
  return opened;
}

interface Restored {
  readonly opened: Stand;
  readonly managed: Managed;
  /** What applications read before the vault was restored. */
  readonly held: { readonly username: string; readonly password: string };
  readonly claims: () => Promise<readonly string[]>;
}

/** A backup is taken, this many rotations follow (the last one up to that state), and the backup is restored. */
async function restoredAfter(rotations: number, state: 'promoted' | 'retired'): Promise<Restored> {
  const opened = await standWith(state === 'promoted' ? 600_000 : 1_000);
  const managed = await opened.adopted();
  await backUp(opened);
  if (state === 'promoted') await readSecret(opened, managed);
  for (let nth = 1; nth <= rotations; nth += 1) await rotated(opened, managed, nth === rotations ? state : 'retired');
  const held = await readSecret(opened, managed);
  await restore(opened);
  await eventually('the restored vault is used', async () => (await opened.operator('listSecrets', {})) !== null);
  const claims = async (): Promise<readonly string[]> =>
    (await opened.operator('audit', { secretId: managed.secretId, limit: 100 })).entries
      .filter(({ action }) => action === 'rotation.claim')
      .map(({ detail }) => detail ?? '');
  return { opened, managed, held, claims };
}

const backUp = (opened: Stand): Promise<void> =>
  whileStopped(opened, () => cp(dataOf(opened), join(opened.directory, 'backup'), { recursive: true }));

async function restore(opened: Stand): Promise<void> {
  await whileStopped(opened, async () => {
    await rm(dataOf(opened), { recursive: true });
    await cp(join(opened.directory, 'backup'), dataOf(opened), { recursive: true });
  });
}

const dataOf = ({ directory }: Stand): string => join(directory, 'vault');

async function whileStopped({ directory, vault: { apiUrl } }: Stand, work: () => Promise<void>): Promise<void> {
  await vault.stop();
  await work();
  vault = await startVault({ directory, port: Number(new URL(apiUrl).port) });
}

async function readSecret(opened: Stand, { secretId }: Managed): Promise<Restored['held']> {
  const client = await machineClient(opened);
  const { value } = await client.machine('readSecret', { secretId, instance: 'till-1', pool: 'p' });
  await client.close();
  return JSON.parse(value) as Restored['held'];
}

async function endReader(opened: Stand): Promise<boolean> {
  const client = await machineClient(opened).catch(() => null);
  const ended = client?.machine('endInstance', { instance: 'till-1' }).then(
    () => true,
    () => false,
  );
  return (await ended?.finally(() => client?.close())) ?? false;
}

async function rotated(opened: Stand, { secretId }: Managed, wanted: string): Promise<void> {
  const asked = await eventually('the vault is asked again after it was away', () =>
    opened.client((client) => client.call('agent.rotate', { secretId })).catch(() => null),
  );
  await opened.reached(secretId, asked.rotationId, wanted, 15_000);
}

const looksNow = ({ opened, managed: { secretId } }: Restored): Promise<AgentFact> =>
  opened.client((client) => client.call('agent.repair', { secretId, overwriteForeignPassword: false }));

async function commandLine({ home }: Stand, ...words: string[]): Promise<{ code: number | string; output: string }> {
  const program = startProgram('apps/cli/main.ts', words, { SIKKERKEY_HOME: home });
  return { code: await program.ended, output: program.output().replaceAll(/\s+/g, ' ') };
}

async function expectUntouched(restored: Restored, before: readonly string[]): Promise<void> {
  const { opened, managed, held, claims } = restored;
  for (let look = 0; look < 3; look += 1)
    expect(await looksNow(restored)).toMatchObject({ state: 'QUARANTINED', errorCode: 'epoch-ahead' });
  await opened.restartDaemon();
  await eventually('the agent is there again', async () => (await opened.agent(managed.secretId)).errorCode === 'epoch-ahead');
  expect(await looksNow(restored)).toMatchObject({ state: 'QUARANTINED', errorCode: 'epoch-ahead' });
  expect(await tryLogin(opened, held.username, held.password)).toBe('accepted');
  expect(await claims()).toEqual(before);
}

describe('a vault restored from a backup', () => {
  test.each([{ rotations: 1 }, { rotations: 3 }])(
    'that is $rotations rotations old closes nothing and counts nothing until a person has heard what is lost',
    async ({ rotations }) => {
      const restored = await restoredAfter(rotations, 'retired');
      const { opened, managed, held, claims } = restored;
      const before = await claims();

      await expectUntouched(restored, before);
      const asked = await commandLine(opened, 'agent', 'repair', managed.secretId, '--accept-epoch');
      expect(asked).toMatchObject({ code: 2 });
      expect(asked.output).toContain('versions newer than those are lost');
      expect(await tryLogin(opened, held.username, held.password)).toBe('accepted');

      expect(await commandLine(opened, 'agent', 'repair', managed.secretId, '--accept-epoch', '--yes')).toMatchObject({ code: 0 });

      const live = await readLiveCredential(opened, managed);
      expect(await tryLogin(opened, live.username, live.password)).toBe('accepted');
      expect(await tryLogin(opened, held.username, held.password)).not.toBe('accepted');
      await expectNothingLeftBehind(opened, managed);
    },
    120_000,
  );

  test('in the middle of a drain leaves both versions and the row that alone knows the newer one', async () => {
    const restored = await restoredAfter(1, 'promoted');
    const { opened, managed, held, claims } = restored;

    await expectUntouched(restored, await claims());
    expect(await commandLine(opened, 'agent', 'remove', managed.secretId, '--yes')).toMatchObject({ code: 7 });

    expect(await commandLine(opened, 'agent', 'repair', managed.secretId, '--accept-epoch', '--yes')).toMatchObject({ code: 0 });

    const live = await readLiveCredential(opened, managed);
    expect(await tryLogin(opened, live.username, live.password)).toBe('accepted');
    expect(await tryLogin(opened, held.username, held.password)).not.toBe('accepted');
  }, 120_000);

  test.each(['journalled-apply', 'before-confirm'] as const)(
    'that never heard of the rotation whose daemon died at "%s" is gone on with by the word of a person',
    async (boundary) => {
      const opened = await standWith(1_000);
      const managed = await opened.adopted();
      await backUp(opened);
      await diesAndGoesBack(opened, managed, boundary);

      const accepted = await commandLine(opened, 'agent', 'repair', managed.secretId, '--accept-epoch', '--yes');

      expect(accepted).toMatchObject({ code: 0 });
      const live = await readLiveCredential(opened, managed);
      expect(await tryLogin(opened, live.username, live.password)).toBe('accepted');
      await expectNothingLeftBehind(opened, managed);
      expect(await opened.agent(managed.secretId)).toMatchObject({ state: 'IDLE', errorCode: null });
    },
    120_000,
  );

  // What the claim brings again, the live login, the row does not know alone any more.
  test.each([
    { boundary: 'epoch-accepted', open: 1, kept: 2 },
    { boundary: 'journalled-repair', open: 1, kept: 1 },
    { boundary: 'finished', open: 0, kept: 0 },
  ])(
    'is never alone with a login that it does not know, also where the daemon dies at "$boundary" of the repair',
    async ({ boundary, open, kept }) => {
      const opened = await standWith(1_000);
      const managed = await opened.adopted();
      await backUp(opened);
      const dying = await diesAndGoesBack(opened, managed, 'before-confirm', boundary);

      await commandLine(opened, 'agent', 'repair', managed.secretId, '--accept-epoch', '--yes');

      expect(await dying.ended).toBe('SIGKILL');
      const live = await readLiveCredential(opened, managed);
      const unknown = (await loginsOpen(opened, managed)).filter((login) => login !== live.username);
      expect(unknown).toHaveLength(open);
      expect(forgottenKept(opened, managed)).toHaveLength(kept);
      await opened.restartDaemon();
      await eventually('the repair is done', async () => (await loginsOpen(opened, managed)).join() === live.username);
      expect(await tryLogin(opened, live.username, live.password)).toBe('accepted');
      await eventually('nothing is in flight', () => Promise.resolve(versionsKept(opened, managed).length === 0));
    },
    120_000,
  );
});

describe('a vault restored from a backup in which a rotation was in flight', () => {
  /** Two versions follow that backup; the host dies in the middle of a third, and its row alone knows what the database holds. */
  async function restoredInFlight(
    phase: 'pending' | 'promoted',
    failpoint?: string,
  ): Promise<Pick<Restored, 'opened' | 'managed' | 'held'>> {
    const opened = await standWith(phase === 'promoted' ? 600_000 : 1_000);
    const managed = await opened.adopted();
    const { secretId } = managed;
    if (phase === 'promoted') {
      await readSecret(opened, managed);
      await rotated(opened, managed, 'promoted');
      await backUp(opened);
      await eventually('the reader is gone', () => endReader(opened));
    } else {
      await diesWhileRotating(opened, managed, 'journalled-apply');
      await backUp(opened);
      await opened.restartDaemon();
    }
    await eventually('what the backup knows is over', async () => {
      const rotations = await opened.operator('listRotations', { secretId }).catch(() => null);
      return rotations?.rotations[0]?.state === 'retired';
    });
    await rotated(opened, managed, 'retired');
    const held = await readLiveCredential(opened, managed);
    await diesAndGoesBack(opened, managed, 'before-confirm', failpoint, 40_000);
    expect(await tryLogin(opened, held.username, held.password)).toBe('accepted');
    return { opened, managed, held };
  }

  const servedLogsIn = async (opened: Stand, managed: Managed): Promise<boolean> => {
    const live = await readLiveCredential(opened, managed);
    return (await tryLogin(opened, live.username, live.password)) === 'accepted';
  };

  test('and drained has what it serves and what drains log in by the word of a person', async () => {
    const { opened, managed } = await restoredInFlight('promoted');

    expect(await commandLine(opened, 'agent', 'repair', managed.secretId, '--accept-epoch', '--yes')).toMatchObject({ code: 0 });

    expect(await servedLogsIn(opened, managed)).toBe(true);
    expect(await opened.agent(managed.secretId)).toMatchObject({ state: 'DRAINING', errorCode: null });
    await eventually('the reader of the backup is gone', () => endReader(opened));
    await eventually('nothing is in flight', async () => versionsKept(opened, managed).length === 0);
    await expectNothingLeftBehind(opened, managed);
  }, 120_000);

  test('and pending serves what logs in by the word of a person, and rotates then', async () => {
    const { opened, managed } = await restoredInFlight('pending');

    expect(await commandLine(opened, 'agent', 'repair', managed.secretId, '--accept-epoch', '--yes')).toMatchObject({ code: 0 });

    expect(await servedLogsIn(opened, managed)).toBe(true);
    await eventually('the rotation is over', async () => {
      return (await opened.operator('listRotations', { secretId: managed.secretId })).rotations[0]?.state === 'retired';
    });
    await expectNothingLeftBehind(opened, managed);
    expect(await opened.agent(managed.secretId)).toMatchObject({ state: 'IDLE', errorCode: null });
  }, 120_000);

  test.each([
    { phase: 'promoted', boundary: 'epoch-accepted' },
    { phase: 'promoted', boundary: 'before-statement' },
    { phase: 'pending', boundary: 'epoch-accepted' },
    { phase: 'pending', boundary: 'finished' },
  ] as const)(
    'and $phase serves what logs in also where the daemon dies at "$boundary" of the repair',
    async ({ phase, boundary }) => {
      const { opened, managed } = await restoredInFlight(phase, boundary);
      const dying = opened.daemon;
      await commandLine(opened, 'agent', 'repair', managed.secretId, '--accept-epoch', '--yes');
      expect(await dying.ended).toBe('SIGKILL');
      expect(forgottenKept(opened, managed)).toHaveLength(boundary === 'finished' ? 0 : 2);

      await opened.restartDaemon();

      await eventually('what is served logs in', () => servedLogsIn(opened, managed), 10_000);
      await eventually('the agent goes on', async () => (await opened.agent(managed.secretId)).errorCode === null);
    },
    120_000,
  );
});

describe('a restored vault whose host is not alone, or that has gone on meanwhile', () => {
  test('that has given a number anew, of a login without another one, does not hide what the database holds under it', async () => {
    const opened = await standWith(1_000);
    const managed = await opened.manage(1_000);
    const { secretId } = managed;
    const { rotationId } = await opened.client((client) => client.call('agent.adopt', { secretId, strategy: 'single' }));
    await opened.retired(secretId, rotationId);
    await backUp(opened);
    await diesAndGoesBack(opened, managed, 'before-confirm');
    const again = await opened.client((client) => client.call('agent.rotate', { secretId }));

    expect(await commandLine(opened, 'agent', 'repair', secretId, '--accept-epoch', '--yes')).toMatchObject({ code: 0 });

    await opened.retired(secretId, again.rotationId);
    await expectNothingLeftBehind(opened, managed);
  }, 120_000);

  test('is gone on with by a word that is said there, with what the first one alone knows', async () => {
    const opened = await standWith(1_000);
    const home = join(opened.directory, 'o');
    await mkdir(home, { mode: 0o700 });
    const other = await startDaemon(home);
    try {
      const managed = await opened.adopted();
      const { secretId } = managed;
      await managedThere(opened, secretId, other.socket);
      await backUp(opened);
      for (let nth = 1; nth <= 2; nth += 1) await rotated(opened, managed, 'retired');
      await diesAndGoesBack(opened, managed, 'before-confirm', undefined, 40_000);
      const repairs = { secretId, overwriteForeignPassword: false };
      await withClient(other.socket, (client) => client.call('agent.start', { secretId }));
      await withClient(other.socket, (client) => client.call('agent.repair', repairs));
      const said = await withClient(other.socket, (client) => client.call('agent.repair', { ...repairs, acceptEpoch: true }));
      // It cannot know what the database holds.
      expect(said).toMatchObject({ state: 'QUARANTINED', errorCode: 'foreign-password' });

      const live = await readLiveCredential(opened, managed);
      await opened.client((client) => client.call('agent.repair', repairs));

      const logsIn = async (): Promise<boolean> => (await tryLogin(opened, live.username, live.password)) === 'accepted';
      await eventually('what is served logs in', logsIn, 100_000);
      await eventually('nothing is in flight here', () => Promise.resolve(versionsKept(opened, managed).length === 0));
    } finally {
      await other.stop('SIGKILL');
    }
  }, 180_000);

  /** Enrolled, granted and configured at another host too. */
  async function managedThere(opened: Stand, secretId: string, socket: string): Promise<void> {
    const { token } = await opened.operator('createBootstrapToken', {});
    const { apiUrl } = opened.vault;
    const { machineId } = await withClient(socket, (client) => client.call('identity.enroll', { apiUrl, token, name: 'other' }));
    await opened.operator('approveMachine', { machineId });
    const { projectId } = await opened.operator('showSecret', { secretId });
    await opened.operator('attachMachine', { projectId, machineId });
    await opened.operator('grant', { secretId, machineId, permission: 'rotate' });
    const { host, port, database, superuser, password } = opened.postgresql;
    const connection = { provider: 'postgresql', host, port, database, adminUser: superuser, tls: 'disable' } as const;
    const configuration = { secretId, ...connection, adminPassword: password.reveal() };
    await eventually('it is configured there', () =>
      withClient(socket, (client) => client.call('agent.configure', configuration)).catch(() => null),
    );
  }
});

describe('a vault restored from a backup of before an adoption', () => {
  /** Adopted after the backup, up to that state of its first rotation; the daemon is started anew with that failpoint. */
  async function adoptedSince(
    state: 'promoted' | 'retired',
    failpoint?: string,
    strategy: 'flip' | 'single' = 'flip',
  ): Promise<{ opened: Stand; managed: Managed }> {
    const opened = await standWith(state === 'promoted' ? 600_000 : 1_000);
    const managed = await opened.manage();
    const { secretId, owner, firstPassword } = managed;
    await backUp(opened);
    const adopting = async (): Promise<{ rotationId: string } | null> =>
      opened.client((client) => client.call('agent.adopt', { secretId, strategy })).catch(() => null);
    const { rotationId } = await eventually('the vault is asked again after it was away', adopting);
    await eventually(`the adoption is ${state}`, async () => {
      const { rotations } = await opened.operator('listRotations', { secretId });
      return rotations.find((one) => one.rotationId === rotationId)?.state === state;
    });
    await restore(opened);
    await opened.restartDaemon(failpoint);
    await eventually('it is noticed', async () => (await opened.agent(secretId)).errorCode === 'epoch-ahead', 40_000);
    expect((await tryLogin(opened, owner, firstPassword)) === 'accepted').toBe(state === 'promoted');
    return { opened, managed };
  }

  async function expectGivenBack(opened: Stand, managed: Managed): Promise<void> {
    const { secretId, owner, firstPassword } = managed;
    await eventually('what is served logs in', async () => (await tryLogin(opened, owner, firstPassword)) === 'accepted');
    await eventually('the slots are gone', async () => (await rolesOf(opened, managed)).length === 1);
    await eventually('the agent is idle', async () => (await opened.agent(secretId)).errorCode === null);
    expect(await opened.agent(secretId)).toMatchObject({ state: 'IDLE', adopted: false });
    expect(await readLiveCredential(opened, managed)).toMatchObject({ username: owner, password: firstPassword });
  }

  test.each(['promoted', 'retired'] as const)(
    'is noticed where the adoption is %s, and what it serves logs in again by the word of a person',
    async (state) => {
      const { opened, managed } = await adoptedSince(state);
      const { secretId } = managed;
      const before = await loginsOpen(opened, managed);
      const refused = await commandLine(opened, 'agent', 'adopt', secretId, '--yes');
      if (state === 'retired') expect(refused.output).toContain(`sikkerkey agent repair --secret ${secretId} --accept-epoch`);
      expect(await loginsOpen(opened, managed)).toEqual(before);

      expect(await commandLine(opened, 'agent', 'repair', secretId, '--accept-epoch', '--yes')).toMatchObject({ code: 0 });

      await expectGivenBack(opened, managed);
      const { rotationId } = await opened.client((client) => client.call('agent.adopt', { secretId }));
      await opened.operator('setSchedule', { secretId, intervalMs: null, drainDeadlineMs: 1_000 });
      if (state === 'retired') await opened.retired(secretId, rotationId);
    },
    120_000,
  );

  test('is noticed where the adoption was in place, and a role of somebody else that has the name of a slot is left alone', async () => {
    const { opened, managed } = await adoptedSince('retired', undefined, 'single');
    const { secretId, owner, firstPassword } = managed;
    await opened.sql(`CREATE ROLE ${owner}_a LOGIN PASSWORD 'of-somebody-else'`);

    const noticed = await commandLine(opened, 'agent', 'repair', secretId, '--accept-epoch', '--yes');
    expect(noticed.output).toContain(`sikkerkey agent repair --secret ${secretId} --overwrite-foreign-password`);
    expect(await commandLine(opened, 'agent', 'repair', secretId, '--overwrite-foreign-password', '--yes')).toMatchObject({ code: 0 });

    await eventually('what is served logs in', async () => (await tryLogin(opened, owner, firstPassword)) === 'accepted');
    await eventually('the agent is idle', async () => (await opened.agent(secretId)).errorCode === null);
    expect(await opened.agent(secretId)).toMatchObject({ state: 'IDLE', adopted: false });
    expect(await tryLogin(opened, `${owner}_a`, 'of-somebody-else')).toBe('accepted');
  }, 120_000);

  test.each(['epoch-accepted', 'journalled-repair', 'after-statement', 'finished'] as const)(
    'serves what logs in also where the daemon dies at "%s" of the repair',
    async (boundary) => {
      const { opened, managed } = await adoptedSince('retired', boundary);
      const dying = opened.daemon;
      await commandLine(opened, 'agent', 'repair', managed.secretId, '--accept-epoch', '--yes');
      expect(await dying.ended).toBe('SIGKILL');

      await opened.restartDaemon();

      await expectGivenBack(opened, managed);
    },
    120_000,
  );
});

async function diesWhileRotating(opened: Stand, { secretId }: Managed, boundary: string): Promise<void> {
  const killed = await opened.restartDaemon(boundary);
  // Asked until it dies of it: the vault was away, and the answer may die with the daemon.
  await eventually('the daemon dies', async () => {
    await opened.client((client) => client.call('agent.rotate', { secretId })).catch(() => null);
    return killed.child.signalCode === 'SIGKILL';
  });
}

/** The daemon dies in the middle of a rotation, the vault is restored, and the daemon that is started anew rests over that. */
async function diesAndGoesBack(
  opened: Stand,
  managed: Managed,
  boundary: string,
  failpoint?: string,
  withinMs = 15_000,
): Promise<Stand['daemon']> {
  await diesWhileRotating(opened, managed, boundary);
  await restore(opened);
  const started = await opened.restartDaemon(failpoint);
  await eventually('the agent rests', async () => (await opened.agent(managed.secretId)).errorCode === 'epoch-ahead', withinMs);
  return started;
}

async function rolesOf(opened: Stand, { owner }: Managed): Promise<readonly { name: string; login: boolean }[]> {
  return opened.sql<{ name: string; login: boolean }>(
    'SELECT rolname AS name, rolcanlogin AS login FROM pg_roles WHERE starts_with(rolname, $1) ORDER BY 1',
    [owner],
  );
}

async function loginsOpen(opened: Stand, managed: Managed): Promise<readonly string[]> {
  return (await rolesOf(opened, managed)).filter(({ login }) => login).map(({ name }) => name);
}

/** Of which versions the journal of this host has the password, sealed. */
function versionsKept(opened: Stand, { secretId }: Managed): readonly number[] {
  const database = new Database(homeOf({ ...readEnvironment(), home: opened.home }).journalFile, { readonly: true });
  try {
    const rows = database.prepare<[string], string>('SELECT versions FROM rotation WHERE secret_id = ?').pluck().all(secretId);
    return rows.flatMap((row) => [...row.matchAll(/"version":(-?\d+)/g)].map(([, version]) => Number(version)));
  } finally {
    database.close();
  }
}

/** Those of them that the vault may have forgotten. */
function forgottenKept(opened: Stand, managed: Managed): readonly number[] {
  return versionsKept(opened, managed).filter((version) => version < 0);
}
