/** Faults of database, network, vault and disk in the middle of a rotation, on the real programs (C2, C5, C7, C12, C13, C15, C18a). */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually, startProgram } from '../daemon/programs.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import type { VaultProxy } from '../support/vault-proxy.ts';
import { expectNothingLeftBehind, journalRows } from './expectations.ts';
import { LoginMeter } from './login-meter.ts';
import { type Credential, readLiveCredential, tryLogin } from './logins.ts';
import { type Managed, Stand } from './stand.ts';

let stand: Stand;
let database: TcpProxy;
let vault: VaultProxy;

beforeAll(async () => {
  stand = await Stand.open({
    databasePort: async (port) => {
      database = await startTcpProxy({ host: '127.0.0.1', port });
      return database.port;
    },
    behindVaultProxy: true,
  });
  vault = stand.vaultProxy;
}, 60_000);

afterAll(async () => {
  await stand?.close();
  await database?.stop();
});

const adopted = (): Promise<Managed> => stand.adopted();
const rotate = (managed: Managed): Promise<{ rotationId: string }> =>
  stand.client((client) => client.call('agent.rotate', { secretId: managed.secretId }));
const liveCredential = (managed: Managed): Promise<Credential> => readLiveCredential(stand, managed);
const loginCode = (user: string, password: string): Promise<string> => tryLogin(stand, user, password);

/** Runs the command-line program against the stand's daemon. */
const commandLine = async (...words: string[]): Promise<{ code: number | string; output: string }> => {
  const program = startProgram('apps/cli/main.ts', words, { SIKKERKEY_HOME: stand.home });
  return { code: await program.ended, output: program.output() };
};

describe('the database connection in the middle of the change', () => {
  test.each(['cut-before', 'cut-after', 'drop-reply'] as const)(
    'breaks (%s): the daemon looks and goes on, and no login fails',
    async (fault) => {
      const managed = await adopted();
      const meter = await LoginMeter.start(stand, managed);

      const sprung = database.armed('SCRAM-SHA-256$', fault);
      const { rotationId } = await rotate(managed);
      await sprung;
      await stand.retired(managed.secretId, rotationId, 60_000);
      const reading = await meter.stop();

      expect(reading.codes).toEqual([]);
      expect(reading.tried).toBeGreaterThan(0);
      await expectNothingLeftBehind(stand, managed);
    },
    90_000,
  );
});

describe('the vault in the middle of a rotation', () => {
  test.each([
    { path: '/v2/rotations/confirm', fault: 'drop-reply' },
    { path: '/v2/rotations/confirm', fault: 'duplicate' },
    { path: '/v2/rotations/claim', fault: 'drop-reply' },
    { path: '/v2/rotations/renew', fault: 'drop-reply' },
    { path: '/v2/rotations/drain', fault: 'drop-reply' },
    { path: '/v2/rotations/retired', fault: 'drop-reply' },
    { path: '/v2/rotations/retired', fault: 'duplicate' },
  ] as const)(
    'answers $path with "$fault": the rotation ends, and no login fails',
    async ({ path, fault }) => {
      const managed = await adopted();
      const meter = await LoginMeter.start(stand, managed);

      const sprung = vault.armed(path, fault);
      const { rotationId } = await rotate(managed);
      await sprung;
      await stand.retired(managed.secretId, rotationId);
      const reading = await meter.stop();

      expect(reading.codes).toEqual([]);
      await expectNothingLeftBehind(stand, managed);
    },
    60_000,
  );

  test('is away after the database was changed: the daemon says SPLIT, asks for ever, and ends the rotation when it is back', async () => {
    const managed = await adopted();
    const sprung = database.armed('SCRAM-SHA-256$', 'drop-reply');
    const { rotationId } = await rotate(managed);
    await sprung;
    vault.block(true);
    const away = await eventually(
      'the agent shows that the vault is away',
      async () => {
        const { state } = await stand.agent(managed.secretId);
        return state === 'SPLIT' || state === 'VAULT_UNREACHABLE' ? state : null;
      },
      40_000,
    );
    vault.block(false);
    const askedAgain = await rotate(managed);
    await stand.retired(managed.secretId, rotationId, 60_000);
    await stand.retired(managed.secretId, askedAgain.rotationId);

    expect(['SPLIT', 'VAULT_UNREACHABLE']).toContain(away);
    await expectNothingLeftBehind(stand, managed);
  }, 120_000);
});

describe('a stop in the middle of a rotation', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s ends in order; the next start finishes, and no login fails',
    async (signal) => {
      const managed = await adopted();
      const meter = await LoginMeter.start(stand, managed);
      const { rotationId } = await rotate(managed);

      expect(await stand.daemon.stop(signal)).toBe(0);
      await stand.restartDaemon();
      await stand.retired(managed.secretId, rotationId);
      const reading = await meter.stop();

      expect(reading.codes).toEqual([]);
      await expectNothingLeftBehind(stand, managed);
    },
    60_000,
  );
});

describe('a login that becomes unfit for the application', () => {
  test('is undone and rejected, and the live one goes on', async () => {
    const managed = await adopted();
    await stand.sql(`ALTER ROLE ${managed.owner}_b SET default_transaction_read_only = on`);
    await stand.sql('REVOKE CONNECT ON DATABASE postgres FROM PUBLIC');
    await stand.sql(`GRANT CONNECT ON DATABASE postgres TO ${managed.owner}_a`);
    const meter = await LoginMeter.start(stand, managed);

    const { rotationId } = await rotate(managed);
    await eventually(
      'the rotation is rejected',
      async () => {
        const { rotations } = await stand.operator('listRotations', { secretId: managed.secretId });
        return rotations.find((one) => one.rotationId === rotationId)?.state === 'rejected';
      },
      30_000,
    ).finally(() => stand.sql('GRANT CONNECT ON DATABASE postgres TO PUBLIC'));
    const reading = await meter.stop();

    expect(reading.codes).toEqual([]);
    await expectNothingLeftBehind(stand, managed);
  }, 60_000);
});

describe('what others did to the database', () => {
  test('is found by the look after a start: a restored state is repaired, a foreign password is quarantined', async () => {
    const [restored, foreign] = [await adopted(), await adopted()];
    await rotate(restored).then(({ rotationId }) => stand.retired(restored.secretId, rotationId));
    // As after a restore from an earlier backup: the retired slot is back, the live one has lost its verifier.
    await stand.sql(`ALTER ROLE ${restored.owner}_a LOGIN PASSWORD 'some-retired-password-0123456789'`);
    await stand.sql(`ALTER ROLE ${restored.owner}_b NOLOGIN PASSWORD NULL`);
    await stand.sql(`ALTER ROLE ${foreign.owner}_a PASSWORD 'set-by-somebody-else-0123456789'`);

    await stand.restartDaemon();

    await eventually(
      'the restored login is repaired',
      async () => {
        const [row] = await stand.sql<{ ok: boolean }>(
          `SELECT bool_and(rolcanlogin = (rolname LIKE '%_b')) AS ok FROM pg_roles WHERE rolname LIKE '${restored.owner}%'`,
        );
        return row?.ok;
      },
      40_000,
    );
    await expectNothingLeftBehind(stand, restored);
    await eventually(
      'the foreign password is quarantined',
      async () => (await stand.agent(foreign.secretId)).state === 'QUARANTINED',
      40_000,
    );
    const [untouched] = await stand.sql<{ login: boolean }>(
      `SELECT rolcanlogin AS login FROM pg_roles WHERE rolname = '${foreign.owner}_a'`,
    );
    expect(untouched?.login).toBe(true);
    await stand.client((client) => client.call('agent.stop', { secretId: foreign.secretId }));
  }, 120_000);
});

describe('a password that a stranger set', () => {
  test('stays until a person has it overwritten; then the live login is back, and the agent rotates again', async () => {
    const managed = await adopted();
    const stranger = 'set-by-somebody-else-0123456789';
    await stand.sql(`ALTER ROLE ${managed.owner}_a PASSWORD '${stranger}'`);

    const looked = await commandLine('agent', 'repair', '--secret', managed.secretId);
    expect(looked).toMatchObject({ code: 6 });
    expect(looked.output).toContain(`sikkerkey agent repair --secret ${managed.secretId} --overwrite-foreign-password`);
    expect(looked.output).toContain(`${managed.secretId}: QUARANTINED`);
    expect(await loginCode(`${managed.owner}_a`, stranger)).toBe('accepted');
    const unasked = await commandLine('agent', 'repair', managed.secretId, '--overwrite-foreign-password');
    expect(unasked).toMatchObject({ code: 2 });
    expect(await loginCode(`${managed.owner}_a`, stranger)).toBe('accepted');

    const repaired = await commandLine('agent', 'repair', managed.secretId, '--overwrite-foreign-password', '--yes');

    expect(repaired).toMatchObject({ code: 0 });
    expect(await stand.agent(managed.secretId)).toMatchObject({ state: 'IDLE', errorCode: null });
    expect(await loginCode(`${managed.owner}_a`, stranger)).toBe('28P01');
    const { username, password } = await liveCredential(managed);
    expect(await loginCode(username, password)).toBe('accepted');
    await expectNothingLeftBehind(stand, managed);
    await rotate(managed).then(({ rotationId }) => stand.retired(managed.secretId, rotationId));
  }, 90_000);
});

describe('a backup from before two rotations', () => {
  test('brings a retired password back to the live login: it is repaired, not quarantined', async () => {
    const managed = await adopted();
    const retired = await liveCredential(managed);
    const [saved] = await stand.sql<{ verifier: string }>('SELECT rolpassword AS verifier FROM pg_authid WHERE rolname = $1', [
      retired.username,
    ]);
    for (let turn = 0; turn < 2; turn += 1) await rotate(managed).then(({ rotationId }) => stand.retired(managed.secretId, rotationId));
    const live = await liveCredential(managed);
    expect(live.username).toBe(retired.username);
    await stand.sql(`ALTER ROLE ${live.username} PASSWORD '${saved?.verifier}'`);
    expect(await loginCode(retired.username, retired.password)).toBe('accepted');

    await stand.restartDaemon();

    await eventually('the live login is back', async () => (await loginCode(live.username, live.password)) === 'accepted', 40_000);
    expect(await loginCode(retired.username, retired.password)).toBe('28P01');
    const told = stand.daemon.output().split('\n');
    expect(told.filter((line) => line.includes(managed.secretId) && line.includes('"DRIFT"'))).not.toEqual([]);
    expect(told.filter((line) => line.includes(managed.secretId) && line.includes('QUARANTINED'))).toEqual([]);
    await expectNothingLeftBehind(stand, managed);
  }, 120_000);
});

describe('a disk that is full under the journal', () => {
  const limitFileSize = async (bytes: string): Promise<void> => {
    await promisify(execFile)('prlimit', ['--pid', String(stand.daemon.child.pid), `--fsize=${bytes}`]);
  };

  afterEach(() => limitFileSize('unlimited'));

  test('stops rotations before they begin and heartbeats go on; with room again the rotation is made', async () => {
    const managed = await adopted();
    const meter = await LoginMeter.start(stand, managed);
    await limitFileSize('4096:');
    const beatsBefore = vault.count('/v2/agents/heartbeat');

    const { rotationId } = await rotate(managed);
    await eventually('the agent says so', async () => (await stand.agent(managed.secretId)).state === 'JOURNAL_UNAVAILABLE');
    const status = await stand.client((client) => client.call('daemon.status', {}));
    await eventually('a heartbeat', () => vault.count('/v2/agents/heartbeat') > beatsBefore);

    expect(status.daemon.journal).toBe('unavailable');
    const { rotations } = await stand.operator('listRotations', { secretId: managed.secretId });
    expect(rotations.find((one) => one.rotationId === rotationId)?.promotedAt).toBeNull();
    await limitFileSize('unlimited');
    await stand.retired(managed.secretId, rotationId, 60_000);
    const reading = await meter.stop();

    expect(reading.codes).toEqual([]);
    await expectNothingLeftBehind(stand, managed);
  }, 120_000);
});

describe('a way to the vault without a stream of changes', () => {
  afterEach(() => vault.refuse(null));

  test('still brings rotations, by the poll', async () => {
    const managed = await adopted();
    vault.refuse('/v2/events');
    await eventually(
      'the loss is shown',
      async () => !(await stand.client((client) => client.call('identity.list', {}))).vaults[0]?.pushConnected,
    );

    const { rotationId } = await stand.operator('rotate', { secretId: managed.secretId });
    await stand.retired(managed.secretId, rotationId, 40_000);

    await expectNothingLeftBehind(stand, managed);
  }, 90_000);
});

describe('a grant that is taken away', () => {
  test('is shown as ACCESS_DENIED, beside agents that go on, and work is taken up when it is given back', async () => {
    const [denied, other] = [await adopted(), await adopted()];
    const [machine] = (await stand.client((client) => client.call('identity.list', {}))).vaults;
    const grant = { secretId: denied.secretId, machineId: machine?.machineId ?? '', permission: 'rotate' } as const;
    await stand.operator('revoke', grant);
    await stand.operator('rotate', { secretId: denied.secretId });
    await eventually('the denial is shown', async () => (await stand.agent(denied.secretId)).state === 'ACCESS_DENIED', 60_000);

    await rotate(other).then(({ rotationId }) => stand.retired(other.secretId, rotationId));
    await stand.operator('grant', grant);

    await eventually(
      'the agent is at work again',
      async () => {
        const { version, state } = await stand.agent(denied.secretId);
        return version === 3 && state === 'IDLE';
      },
      60_000,
    );
    await expectNothingLeftBehind(stand, denied);
  }, 150_000);
});

describe('what the daemon wrote down', () => {
  test('holds no password and no key, neither in its log nor in its files', async () => {
    const managed = await adopted();
    const key = await readFile(join(stand.home, 'vaults', stand.vault.vaultId, 'private.pem'), 'utf8');
    const seed = key.split('\n')[1] ?? '';
    const secrets = [stand.postgresql.password.reveal(), managed.firstPassword, stand.vault.operatorKey, seed];
    const names = ['journal.db', 'journal.db-wal', 'agents.db', 'agents.db-wal'].map((name) => join(stand.home, 'daemon', name));
    const written = await Promise.all(names.map((name) => readFile(name).catch(() => Buffer.alloc(0))));

    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(8);
      expect(stand.daemon.output().includes(secret)).toBe(false);
      expect(Buffer.concat(written).includes(secret)).toBe(false);
    }
  }, 60_000);
});

describe('agents beside each other', () => {
  test('a database that hangs for one does not delay the other', async () => {
    const [stuck, free] = [await adopted(), await adopted()];
    const sprung = database.armed('SCRAM-SHA-256$', 'drop-reply');
    await rotate(stuck);
    await sprung;

    const startedAt = systemClock.monotonic();
    const { rotationId } = await rotate(free);
    await stand.retired(free.secretId, rotationId);

    expect(systemClock.monotonic() - startedAt).toBeLessThan(8_000);
    await eventually('the stuck one ends too', () => journalRows(stand, stuck) === 0, 60_000);
  }, 120_000);
});

describe('giving a login back', () => {
  test('is a rotation back to the owner, after which the slots are gone, and no login fails', async () => {
    const managed = await adopted();
    const meter = await LoginMeter.start(stand, managed);

    const { rotationId } = await stand.client((client) => client.call('agent.unAdopt', { secretId: managed.secretId }));
    await stand.retired(managed.secretId, rotationId);
    await eventually(
      'the slots are dropped',
      async () => {
        const rows = await stand.sql(`SELECT rolname FROM pg_roles WHERE rolname LIKE '${managed.owner}%'`);
        return rows.length === 1;
      },
      30_000,
    );
    await systemClock.sleep(200);
    const reading = await meter.stop();

    expect(reading.codes).toEqual([]);
    await expectNothingLeftBehind(stand, managed);
  }, 60_000);
});
