import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSigningKey } from '@sikkerkey/core/identity/signing-key.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { TransportFailure, type VaultRequest, type VaultTransport } from '@sikkerkey/core/vault-client/transport.ts';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { type Home, homeOf } from '@sikkerkey/host/home.ts';
import { ensurePrivateDirectory, writePrivateFile } from '@sikkerkey/host/private-files.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AgentRegistry } from '../agents/registry.ts';
import { JournalFile } from '../journal/journal-file.ts';
import { createSealer } from '../journal/sealing.ts';
import { createVaultJournal, resealVaultRows } from '../journal/vault-journal.ts';
import { type EnrollmentDeps, enroll, finishReplacement, takeIntoUse } from './enrollment.ts';
import { IdentityFiles } from './identity-files.ts';

const token = 'token-of-twenty-characters';
const apiUrl = 'https://vault.example';
const never = new AbortController().signal;
const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** A vault that enrolls whoever comes; `loses` answers are lost after it acted. */
class EnrollingVault {
  readonly publicKeys: string[] = [];
  machineId = 'machine_1';
  state: 'pending' | 'approved' = 'pending';
  vaultId = 'vault_1';
  loses = 0;
  capabilities: 'announced' | 'lacking' | 'unreachable' = 'announced';
  /** The refusal that every enrollment is answered with, if any. */
  refusal: { readonly status: number; readonly code: string } | null = null;

  open(): VaultTransport {
    return {
      request: async (request) => this.#answer(request),
      stream: () => Promise.reject(new TransportFailure('connect-failed')),
      close: () => Promise.resolve(),
    };
  }

  #answer(request: VaultRequest): { status: number; headers: Record<string, string>; body: Uint8Array } {
    if (this.capabilities === 'unreachable') throw new TransportFailure('connect-failed');
    if (this.capabilities === 'lacking') return { status: 404, headers: {}, body: new Uint8Array() };
    const capabilities = { product: 'sikkerkey-vault', version: '1', vaultId: 'vault_1', sealed: false, features: [] };
    if (request.method === 'GET') return { status: 200, headers: {}, body: bytesOf(capabilities) };
    const { publicKey, name } = JSON.parse(new TextDecoder().decode(request.body ?? new Uint8Array())) as {
      publicKey: string;
      name?: string;
    };
    this.publicKeys.push(publicKey);
    if (this.loses > 0) {
      this.loses -= 1;
      throw new TransportFailure('connection-lost');
    }
    if (this.refusal !== null) {
      return { status: this.refusal.status, headers: {}, body: bytesOf({ error: { code: this.refusal.code, details: {} } }) };
    }
    const answer = {
      machineId: this.machineId,
      vaultId: this.vaultId,
      machineName: name ?? 'host',
      apiUrl,
      fingerprint: 'F',
      state: this.state,
    };
    return { status: 200, headers: {}, body: bytesOf(answer) };
  }
}

describe('enrolling this host', () => {
  let home: Home;
  let files: IdentityFiles;
  let registry: AgentRegistry;
  let journalFile: JournalFile;
  let vault: EnrollingVault;
  let deps: EnrollmentDeps;

  beforeEach(async () => {
    home = homeOf({ ...readEnvironment(), home: await mkdtemp(join(tmpdir(), 'sk-enroll-')) });
    await ensurePrivateDirectory(home.daemon);
    files = new IdentityFiles(home);
    registry = new AgentRegistry(join(home.daemon, 'agents.db'));
    journalFile = new JournalFile(home.journalFile, () => undefined);
    vault = new EnrollingVault();
    const now = <T>(_vaultId: string, work: () => Promise<T>): Promise<T> => work();
    const agents = { alone: now, inTurn: now };
    const vaults = { prepare: () => Promise.resolve() };
    deps = { files, registry, journalFile, random: systemRandom, hostname: 'host', openTransport: () => vault.open(), agents, vaults };
  });

  afterEach(async () => {
    registry.close();
    journalFile.close();
    await rm(home.base, { recursive: true, force: true });
  });

  const enrollNow = (withToken = token): ReturnType<typeof enroll> =>
    enroll(deps, { apiUrl, token: withToken, name: undefined, hasMoved: false }, never);
  const sealerOf = async (): Promise<ReturnType<typeof createSealer>> => {
    const identity = await files.machine('vault_1');
    if (identity === null) throw new Error('no identity');
    return createSealer(identity.key.seed(), 'vault_1', systemRandom);
  };

  test('leaves the published layout, closed to others', async () => {
    await enrollNow();

    const identity: unknown = JSON.parse(await readFile(home.identityFile('vault_1'), 'utf8'));
    expect(Object.keys(identity as object)).toEqual(['machineId', 'machineName', 'vaultId', 'apiUrl', 'privateKeyPath']);
    expect((await stat(home.privateKeyFile('vault_1'))).mode & 0o777).toBe(0o600);
    expect((await files.machine('vault_1'))?.key.publicKeyBase64).toBe(vault.publicKeys[0]);
    expect(await readdir(home.vaults)).toEqual(['vault_1']);
  });

  test('comes with the same key again after its answer was lost', async () => {
    vault.loses = 1;
    await expect(enrollNow()).rejects.toMatchObject({ fault: 'connection-lost' });

    await enrollNow();

    expect(vault.publicKeys).toHaveLength(2);
    expect(new Set(vault.publicKeys).size).toBe(1);
  });

  test('lets no other address take over a vault that this host knows, until a person says that it moved', async () => {
    await enrollNow();
    const before = await readFile(home.identityFile('vault_1'), 'utf8');
    const elsewhere = { apiUrl: 'http://localhost:7999', token: 'another-token-of-twenty', name: undefined };

    await expect(enroll(deps, { ...elsewhere, hasMoved: false }, never)).rejects.toMatchObject({ code: 'vault-address-differs' });
    expect(await readFile(home.identityFile('vault_1'), 'utf8')).toBe(before);

    await enroll(deps, { ...elsewhere, hasMoved: true }, never);
    expect((await files.machine('vault_1'))?.apiUrl).toBe('http://localhost:7999');
  });

  test.each(['../../escaped', '', 'a/b', '.'])('believes no vault that calls itself %j', async (vaultId) => {
    vault.vaultId = vaultId;

    await expect(enrollNow()).rejects.toMatchObject({ code: 'vault-answer-unreadable' });
    expect((await readdir(home.vaults)).filter((name) => !name.startsWith('.enroll-'))).toEqual([]);
  });

  const stagedKeys = async (): Promise<readonly string[]> =>
    existsSync(home.vaults) ? (await readdir(home.vaults)).filter((name) => name.startsWith('.enroll-')) : [];

  test('leaves no key behind when the vault refuses the token', async () => {
    vault.refusal = { status: 401, code: 'enrollment-token-refused' };
    await expect(enrollNow()).rejects.toMatchObject({ code: 'enrollment-token-refused' });

    expect(vault.publicKeys).toHaveLength(1);
    expect(await stagedKeys()).toEqual([]);
  });

  test.each([
    { name: 'the address is no vault', capabilities: 'lacking' as const },
    { name: 'the vault cannot be reached', capabilities: 'unreachable' as const },
  ])('leaves no key behind when $name', async ({ capabilities }) => {
    vault.capabilities = capabilities;
    await expect(enrollNow()).rejects.toThrowError();

    expect(vault.publicKeys).toEqual([]);
    expect(await stagedKeys()).toEqual([]);
  });

  test.each([
    { name: 'its answer was lost', loses: 1, refusal: null },
    { name: 'the vault failed', loses: 0, refusal: { status: 500, code: 'vault-failed' } },
    { name: 'something before the vault refused without a code', loses: 0, refusal: { status: 403, code: '' } },
    { name: 'the vault locks this address out for a while', loses: 0, refusal: { status: 429, code: 'address-locked-out' } },
  ])('keeps its key when $name', async ({ loses, refusal }) => {
    vault.loses = loses;
    vault.refusal = refusal;
    await expect(enrollNow()).rejects.toThrowError();
    expect(await stagedKeys()).toHaveLength(1);

    vault.refusal = null;
    await enrollNow();

    expect(new Set(vault.publicKeys).size).toBe(1);
    expect(await stagedKeys()).toEqual([]);
  });

  test('with a new key reseals the passwords that the old one sealed', async () => {
    await enrollNow();
    registry.put(
      { secretId: 'sk_1', vaultId: 'vault_1', running: true, connection: null },
      new SecretText('admin-password'),
      await sealerOf(),
    );

    vault.state = 'approved';
    await enrollNow('another-token-of-twenty');
    expect((await files.machine('vault_1'))?.key.publicKeyBase64).toBe(vault.publicKeys[0]);
    const successor = await files.stagedMachine('vault_1');
    if (successor === null) throw new Error('no successor waits');
    await takeIntoUse(deps, successor);

    expect(new Set(vault.publicKeys).size).toBe(2);
    expect((await files.machine('vault_1'))?.key.publicKeyBase64).toBe(vault.publicKeys[1]);
    expect(registry.adminPassword('sk_1', await sealerOf())?.reveal()).toBe('admin-password');
  });

  test('as another machine is refused while a rotation is in flight, and changes nothing', async () => {
    await enrollNow();
    const before = (await files.machine('vault_1'))?.key.publicKeyBase64;
    await createVaultJournal(journalFile, 'vault_1', await sealerOf()).write({
      secretId: 'sk_1',
      rotationId: 'rot_1',
      epoch: 1,
      strategy: 'flip',
      goal: 'apply',
      versions: { live: { version: 1, slot: 'owner' }, pending: { version: 2, slot: 'a' }, previous: null },
      credentials: new Map(),
      serverFingerprint: null,
    });
    vault.machineId = 'machine_2';

    await expect(enrollNow('another-token-of-twenty')).rejects.toMatchObject({ code: 'identity-in-use' });
    expect((await files.machine('vault_1'))?.key.publicKeyBase64).toBe(before);
  });

  test.each([
    { name: 'after anything was resealed, goes on with the new identity', resealed: true },
    { name: 'before anything was resealed, stays with the old one, and the new one goes on waiting', resealed: false },
  ])('interrupted by a crash $name', async ({ resealed }) => {
    await enrollNow();
    const former = await sealerOf();
    registry.put({ secretId: 'sk_1', vaultId: 'vault_1', running: true, connection: null }, new SecretText('admin-password'), former);
    const successor = { vaultId: 'vault_1', machineId: 'machine_1', machineName: 'host', apiUrl, key: generateSigningKey(systemRandom) };
    await files.stageMachine(successor);
    if (resealed) registry.reseal('vault_1', former, createSealer(successor.key.seed(), 'vault_1', systemRandom));

    await finishReplacement(deps, 'vault_1');

    expect((await files.machine('vault_1'))?.key.publicKeyBase64 === successor.key.publicKeyBase64).toBe(resealed);
    expect(registry.adminPassword('sk_1', await sealerOf())?.reveal()).toBe('admin-password');
    expect((await files.stagedKey('vault_1'))?.publicKeyBase64).toBe(resealed ? undefined : successor.key.publicKeyBase64);
  });

  test('keeps the identity in use until its successor is approved, also where that one is enrolled again', async () => {
    await enrollNow();
    const [inUse] = vault.publicKeys;
    vault.machineId = 'machine_2';

    expect(await enrollNow('another-token-of-twenty')).toMatchObject({ awaitsApproval: true });
    const { identity } = await enrollNow('a-third-token-of-twenty');

    expect(await files.machine('vault_1')).toMatchObject({ machineId: 'machine_1', key: { publicKeyBase64: inUse } });
    expect((await files.stagedMachine('vault_1'))?.key.publicKeyBase64).toBe(vault.publicKeys[2]);
    await takeIntoUse(deps, identity);
    expect(await files.machine('vault_1')).toMatchObject({ machineId: 'machine_2', key: { publicKeyBase64: vault.publicKeys[2] } });
    expect(await files.stagedKey('vault_1')).toBeNull();
  });

  test('takes a key without its name, which a crash left while it was being put there, for none', async () => {
    await enrollNow();
    const [inUse] = vault.publicKeys;
    await writePrivateFile(join(home.vault('vault_1'), 'private.next.pem'), generateSigningKey(systemRandom).toPem().reveal());

    await finishReplacement(deps, 'vault_1');

    expect((await files.machine('vault_1'))?.key.publicKeyBase64).toBe(inUse);
    expect(await files.stagedKey('vault_1')).toBeNull();
  });

  test('interrupted by a crash after only the journal was resealed, keeps every row and password readable', async () => {
    await enrollNow();
    const former = await sealerOf();
    registry.put({ secretId: 'sk_1', vaultId: 'vault_1', running: true, connection: null }, new SecretText('admin-password'), former);
    const row = {
      secretId: 'sk_1',
      rotationId: 'rot_1',
      epoch: 1,
      strategy: 'flip',
      goal: 'apply',
      versions: { live: { version: 1, slot: 'owner' }, pending: { version: 2, slot: 'a' }, previous: null },
      credentials: new Map([[2, { username: 'app_a', password: new SecretText('pending-password') }]]),
      serverFingerprint: null,
    } as const;
    await createVaultJournal(journalFile, 'vault_1', former).write(row);
    const successor = { vaultId: 'vault_1', machineId: 'machine_1', machineName: 'host', apiUrl, key: generateSigningKey(systemRandom) };
    await files.stageMachine(successor);
    resealVaultRows(journalFile, 'vault_1', former, createSealer(successor.key.seed(), 'vault_1', systemRandom));

    await finishReplacement(deps, 'vault_1');

    expect((await files.machine('vault_1'))?.key.publicKeyBase64).toBe(successor.key.publicKeyBase64);
    const found = await createVaultJournal(journalFile, 'vault_1', await sealerOf()).read('sk_1');
    expect(found?.credentials.get(2)?.password.reveal()).toBe('pending-password');
    expect(registry.adminPassword('sk_1', await sealerOf())?.reveal()).toBe('admin-password');
  });

  test('says that a private key others may read is unusable', async () => {
    await enrollNow();
    const { chmod } = await import('node:fs/promises');
    await chmod(home.privateKeyFile('vault_1'), 0o644);

    await expect(files.machine('vault_1')).rejects.toMatchObject({
      code: 'identity-unusable',
      details: { why: 'private.pem: accessible to others' },
    });
    await unlink(home.privateKeyFile('vault_1'));
    expect(await files.machine('vault_1')).toBeNull();
  });

  test.each(['http://vault.example', 'https://vault.example/base', 'ftp://x', 'nonsense'])('refuses the address %s', async (address) => {
    await expect(enroll(deps, { apiUrl: address, token, name: undefined, hasMoved: false }, never)).rejects.toMatchObject({
      code: 'vault-address-invalid',
    });
  });
});
