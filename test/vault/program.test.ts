/** The program itself: making a vault, sealing, lockout, what it refuses to do, how it ends, what it leaves behind. */
import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listenToEvents } from '../support/event-listener.ts';
import { asOperator, type Identity, plainRequest, signedRequest } from '../support/signed-request.ts';
import { approvedMachine, readUnsealKey, startVault, type TestVault, vaultCommand } from '../support/vault-process.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sikkerkey-vault-program-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('init', () => {
  test('prints both keys once, and makes a vault only once', async () => {
    const data = join(directory, 'twice');
    const first = await vaultCommand(['init', '--data', data, '--json']);
    const second = await vaultCommand(['init', '--data', data, '--json']);

    expect(first.exitCode).toBe(0);
    const { vaultId, unsealKey, operatorKey } = JSON.parse(first.stdout) as Record<string, string>;
    expect(vaultId).toMatch(/^vault_[a-z0-9]{12}$/);
    expect(unsealKey).toMatch(/^SKU1(-[0-9A-Z]{7}){8}$/);
    expect(Buffer.from(operatorKey ?? '', 'base64')).toHaveLength(32);
    expect(second.exitCode).toBe(7);
    expect(second.stdout).toBe('');
  });

  test('puts keys into private files when told to, and does not print them', async () => {
    const data = join(directory, 'files');
    const [keyFile, operatorKeyFile] = [join(directory, 'unseal.key'), join(directory, 'operator.key')];
    const made = await vaultCommand(['init', '--data', data, '--key-file', keyFile, '--operator-key-file', operatorKeyFile]);

    const unsealKey = (await readFile(keyFile, 'utf8')).trim();
    const operatorKey = (await readFile(operatorKeyFile, 'utf8')).trim();
    expect(made.stdout + made.stderr).not.toContain(unsealKey);
    expect(made.stdout + made.stderr).not.toContain(operatorKey);
    for (const file of [keyFile, operatorKeyFile, join(data, 'vault.db')]) expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(data)).mode & 0o777).toBe(0o700);
  });
});

describe('what serve refuses', () => {
  test.each([
    ['a directory without a vault', ['--listen', 'localhost:0'], 5, 'there is no vault in this data directory'],
    ['to be reached from elsewhere without TLS', ['--listen', '0.0.0.0:0'], 2, 'does not listen beyond this host without TLS'],
    ['an address that is none', ['--listen', 'nonsense'], 2, 'no valid form'],
    ['a flag that it does not know', ['--sesame'], 2, 'the command line of sikkerkey-vault has an error'],
  ])('%s', async (_name, words, exitCode, text) => {
    const result = await vaultCommand(['serve', '--data', join(directory, 'empty'), ...words]);

    expect(result.exitCode).toBe(exitCode);
    expect(result.stderr).toContain(text);
    expect(result.stderr).not.toContain('    at ');
  });

  test('a second process on the same data', async () => {
    const vault = await startVault();
    const second = await vaultCommand(['serve', '--data', vault.dataDirectory, '--listen', 'localhost:0']);
    await vault.stop();

    expect(second.exitCode).not.toBe(0);
    expect(second.stderr).toContain('error: ');
  });

  test.each(['unseal', 'seal', 'status'])('%s where nobody serves', async (command) => {
    const result = await vaultCommand([command, '--data', join(directory, 'empty')], 'SKU1\n');

    expect(result.exitCode).not.toBe(0);
  });
});

test('without a command it shows its help as a complaint, and ends as any line that says too little', async () => {
  const { exitCode, stdout, stderr } = await vaultCommand([]);

  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toContain('usage: sikkerkey-vault <command>');
});

describe('where nobody can be asked and no key was given', () => {
  let data: string;
  beforeAll(async () => {
    data = join(directory, 'no-key');
    await vaultCommand(['init', '--data', data]);
  });

  test.each([['unseal'], ['audit', 'verify']])('%s %s says so instead of calling nothing a bad key', async (...words) => {
    const { exitCode, stderr } = await vaultCommand([...words, '--data', data], '');

    expect(exitCode).toBe(2);
    expect(stderr).toContain('unseal-key-missing');
    expect(stderr).toContain(`sikkerkey-vault ${words.join(' ')} --data ${data} --key-file FILE`);
  });
});

describe('a sealed vault', () => {
  let vault: TestVault;
  beforeAll(async () => {
    vault = await startVault({ sealed: true });
  });
  afterAll(() => vault.stop());

  test('answers 503 to everything but health and capabilities', async () => {
    const status = async (path: string, method = 'GET'): Promise<number> => (await plainRequest(vault.apiUrl, method, path)).status;

    expect(await status('/healthz')).toBe(200);
    expect(JSON.parse((await plainRequest(vault.apiUrl, 'GET', '/v2/capabilities')).text)).toMatchObject({
      sealed: true,
      vaultId: vault.vaultId,
    });
    expect(await status('/readyz')).toBe(503);
    expect(await status('/v1/secrets')).toBe(503);
    expect(await status('/v2/machine')).toBe(503);
    expect(await status('/v2/enroll', 'POST')).toBe(503);
    const operator = await signedRequest(vault.apiUrl, vault.operator, 'POST', '/v2/operator/status', '{}');
    expect(operator.status).toBe(503);
    expect(JSON.parse(operator.text)).toMatchObject({ error: { code: 'vault-sealed', retryAfterMs: 5_000 } });
  });

  test('refuses a key with a slip, and a key of another vault', async () => {
    const key = await readUnsealKey(vault);
    const slip = `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`;
    const other = JSON.parse((await vaultCommand(['init', '--data', join(directory, 'other'), '--json'])).stdout) as { unsealKey: string };

    const mistyped = await vaultCommand(['unseal', '--data', vault.dataDirectory], `${slip}\n`);
    const foreign = await vaultCommand(['unseal', '--data', vault.dataDirectory], `${other.unsealKey}\n`);

    expect(mistyped.exitCode).not.toBe(0);
    expect(foreign.exitCode).not.toBe(0);
    expect(foreign.stderr).not.toContain(other.unsealKey);
    expect((await plainRequest(vault.apiUrl, 'GET', '/readyz')).status).toBe(503);
  });

  test('opens with its key, ends streams when it is sealed again, and keeps its control socket private', async () => {
    const unsealed = await vaultCommand(['unseal', '--data', vault.dataDirectory, '--key-file', vault.unsealKeyFile]);
    expect(unsealed.stdout).toContain('unsealed');
    expect((await plainRequest(vault.apiUrl, 'GET', '/readyz')).status).toBe(200);
    expect((await stat(join(vault.dataDirectory, 'control.sock'))).mode & 0o777).toBe(0o600);
    const machine = await approvedMachine(vault);
    const listener = await listenToEvents(vault.apiUrl, machine, null);

    const sealed = await vaultCommand(['seal', '--data', vault.dataDirectory, '--json']);

    expect(JSON.parse(sealed.stdout)).toMatchObject({ sealed: true, vaultId: vault.vaultId });
    await listener.ended;
    await expect(listenToEvents(vault.apiUrl, machine, null)).rejects.toThrow('503');
  });
});

describe('an address that fails to authenticate too often', () => {
  test('is refused for a while, also after a restart, and so is its enrollment', async () => {
    const vault = await startVault({ serve: ['--lockout-failures', '3'] });
    const stranger: Identity = { kind: 'machine', id: 'stranger', key: vault.operator.key };
    const attempt = () => signedRequest(vault.apiUrl, stranger, 'GET', '/v1/secrets');

    for (let count = 0; count < 3; count += 1) expect((await attempt()).status).toBe(401);
    const locked = await attempt();
    await vault.restart();
    const afterRestart = await attempt();
    const enrollment = await plainRequest(vault.apiUrl, 'POST', '/v2/enroll', '{}');
    const log = vault.log();
    await vault.stop();

    expect(locked.status).toBe(429);
    expect(locked.headers['x-sikkerkey-error']).toBe('address-locked-out');
    expect(Number(locked.headers['retry-after'])).toBeGreaterThan(50);
    expect(afterRestart.status).toBe(429);
    expect(enrollment.status).toBe(429);
    expect(log).not.toContain('stranger');
  });
});

describe('an address that is shared with a host that is wrong', () => {
  let vault: TestVault;
  let machine: Identity;
  let unheardOf: Identity;
  let secretId: string;
  beforeAll(async () => {
    vault = await startVault({ serve: ['--lockout-failures', '3'] });
    const { projectId } = await asOperator(vault.apiUrl, vault.operator, 'createProject', { name: 'p' });
    ({ secretId } = await asOperator(vault.apiUrl, vault.operator, 'createSecret', { projectId, name: 's', value: 'v' }));
    machine = await approvedMachine(vault, [projectId]);
    unheardOf = await approvedMachine(vault, [projectId]);
    for (const { id: machineId } of [machine, unheardOf]) {
      await asOperator(vault.apiUrl, vault.operator, 'grant', { secretId, machineId, permission: 'read' });
    }
    expect((await read(machine)).status).toBe(200);
    for (let count = 0; count < 3; count += 1) await read({ ...machine, id: 'stranger' });
  });
  afterAll(() => vault.stop());
  const read = (by: Identity) => signedRequest(vault.apiUrl, by, 'GET', `/v1/secret/${secretId}`);

  test('goes on for who proved itself from there, machine and operator, and for nobody else', async () => {
    expect((await read({ ...machine, id: 'stranger' })).status).toBe(429);
    expect((await read(machine)).text).toBe('{"value":"v"}');
    await asOperator(vault.apiUrl, vault.operator, 'status', {});
    expect((await read(unheardOf)).status).toBe(429);
    expect((await plainRequest(vault.apiUrl, 'POST', '/v2/enroll', '{}')).status).toBe(429);
  });

  test.runIf(platform() === 'linux')('goes on for who proved itself elsewhere and moved there', async () => {
    const url = `http://127.0.0.1:${new URL(vault.apiUrl).port}`;
    const from = (by: Identity, localAddress: string) => signedRequest(url, by, 'GET', `/v1/secret/${secretId}`, '', { localAddress });
    for (let count = 0; count < 3; count += 1) await from({ ...machine, id: 'stranger' }, '127.0.0.2');

    expect((await from({ ...machine, id: 'stranger' }, '127.0.0.2')).status).toBe(429);
    expect((await from({ ...machine, key: vault.operator.key }, '127.0.0.2')).status).toBe(429);
    expect((await from(machine, '127.0.0.2')).text).toBe('{"value":"v"}');
    expect((await from(unheardOf, '127.0.0.2')).status).toBe(429);
  });

  test('a false signature in a proven name is refused as any other, and the name still works a little later', async () => {
    const forged: Identity = { ...machine, key: vault.operator.key };
    const lockedBefore = vault.log().match(/address\.locked-out/g)?.length ?? 0;
    const refused = await Promise.all(Array.from({ length: 200 }, () => read(forged)));

    expect(new Set(refused.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(refused[0]?.status).toBe(429);
    await expect.poll(async () => (await read(machine)).status).toBe(200);
    expect(vault.log().match(/address\.locked-out/g)).toHaveLength(lockedBefore);
  });

  test('goes on for the same after a restart, while the lock holds', async () => {
    await vault.restart();

    expect((await read({ ...machine, id: 'stranger' })).status).toBe(429);
    expect((await read(unheardOf)).status).toBe(429);
    expect((await read({ ...machine, key: vault.operator.key })).status).toBe(429);
    expect((await read(machine)).text).toBe('{"value":"v"}');
    await asOperator(vault.apiUrl, vault.operator, 'status', {});
  });
});

describe('a running vault', () => {
  test('answers on both loopback families, says it is ready once, and ends cleanly when told to', async () => {
    const vault = await startVault();
    const { port } = new URL(vault.apiUrl);

    expect(new URL(vault.apiUrl).hostname).toBe('localhost');
    expect((await plainRequest(`http://127.0.0.1:${port}`, 'GET', '/healthz')).status).toBe(200);
    expect((await plainRequest(`http://[::1]:${port}`, 'GET', '/healthz').catch(() => ({ status: 'no IPv6' }))).status).not.toBe(404);
    const dumps = await readFile(`/proc/${vault.processId}/coredump_filter`, 'utf8').catch(() => '00000000');
    expect(Number.parseInt(dumps, 16)).toBe(0);
    await vault.stop();

    await expect(plainRequest(vault.apiUrl, 'GET', '/healthz')).rejects.toThrow();
    expect(vault.log()).toContain('"event":"vault.stopped"');
  });

  test('keeps what it acknowledged when it is killed', async () => {
    const vault = await startVault();
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, index) => asOperator(vault.apiUrl, vault.operator, 'createProject', { name: `p${index}` })),
    );
    await vault.restart('SIGKILL');

    const { projects } = await asOperator(vault.apiUrl, vault.operator, 'listProjects', {});
    await vault.stop();

    expect(projects.map(({ projectId }) => projectId).sort()).toEqual(made.map(({ projectId }) => projectId).sort());
  });
});

describe('audit verify', () => {
  let vault: TestVault;
  const verify = () => vaultCommand(['audit', 'verify', '--data', vault.dataDirectory, '--key-file', vault.unsealKeyFile, '--json']);

  beforeAll(async () => {
    vault = await startVault();
    for (const name of ['one', 'two', 'three', 'four']) await asOperator(vault.apiUrl, vault.operator, 'createProject', { name });
    // The last checkpoint is written when the vault ends.
    await vault.restart();
  });
  afterAll(() => vault.stop());

  test('holds for a vault that is running', async () => {
    const result = await verify();

    expect(JSON.parse(result.stdout)).toMatchObject({
      findings: [],
      entries: expect.any(Number),
      proven: { nodeSequence: expect.any(Number) },
    });
    expect(result.exitCode).toBe(0);
  });

  test('says what it means when the checkpoints are gone, and exits with 6', async () => {
    const file = join(vault.dataDirectory, 'audit-checkpoints');
    const kept = join(vault.dataDirectory, 'kept-elsewhere');
    await rename(file, kept);
    const result = await verify();
    await rename(kept, file);

    expect(result.exitCode).toBe(6);
    expect(result.stdout).toBe('');
    expect(result.stderr).toContain('error: the checkpoints of the audit log are missing');
    expect((await verify()).exitCode).toBe(0);
  });

  test('finds an entry that was changed in the file, and exits with 6', async () => {
    const { default: Sqlite } = await import('better-sqlite3');
    const db = new Sqlite(join(vault.dataDirectory, 'vault.db'));
    const changed = db.prepare("UPDATE audit SET subject = 'another' WHERE node_sequence = 3").run();
    db.close();

    const result = await verify();

    expect(changed.changes).toBe(1);
    expect(result.exitCode).toBe(6);
    expect(JSON.parse(result.stdout)).toMatchObject({ findings: [{ kind: 'changed', nodeSequence: 3 }] });
  });
});
