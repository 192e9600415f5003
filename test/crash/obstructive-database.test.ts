/** What a database may put in the way, on the real programs: lines that know one name only, a full login, a locked role. */
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, startProgram } from '../daemon/programs.ts';
import { hbaFileOf, loadHbaFile } from '../support/hba-file.ts';
import { tryLogin } from './logins.ts';
import { type Managed, Stand } from './stand.ts';

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open({ drainDeadlineMs: 1_000 });
}, 60_000);

afterAll(() => stand?.close());

const commandLine = async (...words: string[]): Promise<{ code: number | string; output: string }> => {
  const program = startProgram('apps/cli/main.ts', words, { SIKKERKEY_HOME: stand.home });
  return { code: await program.ended, output: program.output() };
};
const useHbaFile = (text: string): Promise<void> => loadHbaFile(stand.postgresql, (statement) => stand.sql(statement), text);
const rotate = async ({ secretId }: Managed): Promise<string> =>
  (await stand.client((client) => client.call('agent.rotate', { secretId }))).rotationId;
const newest = async ({ secretId }: Managed): Promise<string> =>
  (await stand.operator('listRotations', { secretId })).rotations[0]?.rotationId ?? '';
const session = async (user: string, password: string): Promise<pg.Client> => {
  const { host, port, database } = stand.postgresql;
  const client = new pg.Client({ host, port, database, user, password, application_name: 'nightly report' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

test('lines of pg_hba.conf that know the login by name stop its adoption with both ways out, and a word of a person lasts', async () => {
  const managed = await stand.manage(1_000);
  const { secretId, owner, firstPassword } = managed;
  const before = await readFile(await hbaFileOf((statement) => stand.sql(statement)), 'utf8');
  await useHbaFile(`host all ${owner} 127.0.0.2/32 scram-sha-256\nhost all all 127.0.0.2/32 reject\n${before}`);

  const blocked = await commandLine('agent', 'adopt', secretId, '--yes');

  expect(blocked.code).toBe(6);
  expect(blocked.output.replace(/\s+/g, ' ')).toContain(`${owner}_a would meet reject (line 2)`);
  expect(blocked.output).toContain(`sikkerkey agent configure --secret ${secretId} --accept-hba`);
  expect(await stand.sql(`SELECT FROM pg_roles WHERE rolname LIKE '${owner}\\__'`)).toEqual([]);
  expect(await tryLogin(stand, owner, firstPassword)).toBe('accepted');

  expect(await commandLine('agent', 'adopt', secretId, '--yes', '--accept-hba')).toMatchObject({ code: 0 });
  await stand.retired(secretId, await newest(managed));
  await stand.restartDaemon();
  await eventually('the agent works', async () => (await stand.agent(secretId)).state === 'IDLE');
  await stand.retired(secretId, await rotate(managed));

  // Whichever slot the next rotation opens: the lines say something else now.
  await useHbaFile(`host all ${owner}_a,${owner}_b 127.0.0.3/32 reject\nhost all ${owner}_b 127.0.0.4/32 scram-sha-256\n${before}`);
  const next = await rotate(managed);
  const shown = await eventually('the new line holds it up', async () => {
    const agent = await stand.agent(secretId);
    return agent.errorCode === 'hba-differs-for-slots' ? agent : null;
  });
  expect(shown.errorDetails).toMatchObject({ line: 2 });
  expect(await commandLine('agent', 'configure', secretId, '--accept-hba')).toMatchObject({ code: 0 });
  await stand.retired(secretId, next);
  await useHbaFile(before);
});

test('a word on pg_hba.conf that was said with the configuration holds for an adoption that is asked for without it', async () => {
  const managed = await stand.manage(1_000);
  const { secretId, owner } = managed;
  const before = await readFile(await hbaFileOf((statement) => stand.sql(statement)), 'utf8');
  await useHbaFile(`host all ${owner} 127.0.0.2/32 scram-sha-256\nhost all all 127.0.0.2/32 reject\n${before}`);
  const { host, port, database, superuser: adminUser, password } = stand.postgresql;
  const place = { provider: 'postgresql', host, port, database, adminUser, adminPassword: password.reveal(), tls: 'disable' } as const;
  await stand.client((client) => client.call('agent.configure', { secretId, ...place }));
  const accepted = await commandLine('agent', 'configure', secretId, '--accept-hba');
  expect(accepted).toMatchObject({ code: 0 });
  expect(accepted.output.replace(/\s+/g, ' ')).toContain(`${owner}_a would meet reject (line 2)`);

  expect(await commandLine('agent', 'adopt', secretId, '--yes')).toMatchObject({ code: 0 });

  await stand.retired(secretId, await newest(managed));
  await stand.retired(secretId, await rotate(managed));
  await useHbaFile(before);
});

test('a rotation of a login that is not under management is not even planned: nobody says yes to what would be refused', async () => {
  const { secretId } = await stand.manage(1_000);

  const asked = await commandLine('agent', 'rotate', secretId, '--yes');

  expect(asked.output).not.toContain('plan: rotate');
  expect(asked.output).toContain(`sikkerkey agent adopt --secret ${secretId}`);
  expect(asked.code).toBe(7);
});

test('a login whose connections are all in use is rotated in place, and the vault serves what works', async () => {
  const managed = await stand.manage(1_000);
  const { secretId, owner, firstPassword } = managed;
  await stand.sql(`ALTER ROLE ${owner} CONNECTION LIMIT 1`);
  const only = await session(owner, firstPassword);

  const plan = await stand.client((client) => client.call('agent.plan', { secretId, kind: 'adopt', strategy: 'single' }));
  expect(plan.findings).toContainEqual({
    code: 'login-limit-nearly-used',
    severity: 'warns',
    details: { role: owner, limit: 1, sessions: 1 },
  });
  const { rotationId } = await stand.client((client) => client.call('agent.adopt', { secretId, strategy: 'single' }));
  await stand.retired(secretId, rotationId);
  await only.end();
});

test('a login that was rotated in place is given back beside a role of somebody else that has the name of a slot', async () => {
  const { secretId, owner } = await stand.manage(1_000);
  await stand.sql(`CREATE ROLE ${owner}_a LOGIN PASSWORD 'of-somebody-else'`);
  const { rotationId } = await stand.client((client) => client.call('agent.adopt', { secretId, strategy: 'single' }));
  await stand.retired(secretId, rotationId);

  await stand.client((client) => client.call('agent.unAdopt', { secretId }));

  const marks = `SELECT shobj_description(oid, 'pg_authid') AS mark FROM pg_roles WHERE rolname = '${owner}'`;
  await eventually('the login is its owner’s again', async () =>
    String((await stand.sql(marks))[0]?.['mark']).includes(`released=${secretId}`),
  );
  await eventually('nothing is left to do', async () => {
    const { state, adopted, errorCode } = await stand.agent(secretId);
    return state === 'IDLE' && !adopted && errorCode === null;
  });
  expect(await tryLogin(stand, `${owner}_a`, 'of-somebody-else')).toBe('accepted');
});

test('whoever keeps the role locked is named where the rotation waits, which then goes on', async () => {
  const managed = await stand.adopted();
  await stand.sql(`CREATE ROLE nobody_special LOGIN PASSWORD 'x'`);
  const holder = await session('nobody_special', 'x');
  await holder.query('BEGIN');
  await holder.query(`ALTER ROLE ${managed.owner}`);
  const [{ pid }] = (await holder.query('SELECT pg_backend_pid() AS pid')).rows as [{ pid: number }];

  const rotationId = await rotate(managed);

  const agent = await eventually('the lock is named', async () => {
    const shown = await stand.agent(managed.secretId);
    return shown.errorCode === 'role-locked' ? shown : null;
  });
  expect(agent.errorDetails).toMatchObject({ role: managed.owner, pid, blocker: 'nobody_special', application: 'nightly report' });
  await holder.query('ROLLBACK');
  await holder.end();
  await stand.retired(managed.secretId, rotationId);
});
