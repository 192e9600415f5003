/** Enrollment, approval, nonces, lockouts, operators. */
import { expect, test } from 'vitest';
import { type CurrentVault, expectDone, expectRefused } from './fixture.ts';

export function identityContract(vault: CurrentVault): void {
  test('a vault is initialised once', async () => {
    const again = await vault().storage.initialise({
      vaultId: 'vault_other',
      rootKeyVerifier: Buffer.from('other'),
      operatorId: 'op_other',
      operatorName: 'other',
      operatorPublicKey: Buffer.alloc(32),
      now: 1,
    });

    expect(again).toEqual({ kind: 'exists' });
    expect((await vault().storage.vault())?.vaultId).toBe('vault_test');
  });

  test('a bootstrap token makes one pending machine in its projects', async () => {
    const project = await vault().project();
    const machineId = await vault().enrolled(project);

    const self = expectDone(await vault().storage.describeSelf({ caller: vault().machine(machineId) }));

    expect(self).toMatchObject({ machineId, state: 'pending', projects: [project] });
    expect(self.fingerprint).toMatch(/^[0-9A-Z]{4}(-[0-9A-Z]{4}){2}$/);
  });

  const host = { publicKey: Buffer.alloc(32, 9), hostname: 'h', name: null, address: null };

  test('a bootstrap token is refused when another used it, it has expired, or never was', async () => {
    const { storage, now } = vault();
    const tokenSha256 = Buffer.alloc(32, 200);
    expectDone(await storage.createBootstrapToken({ caller: vault().operator(), tokenSha256, projectIds: [], expiresAt: now + 1000 }));

    expectRefused(await storage.enrollMachine({ tokenSha256: Buffer.alloc(32, 201), ...host, now }), 'token-invalid');
    expectRefused(await storage.enrollMachine({ tokenSha256, ...host, now: now + 1000 }), 'token-invalid');
    expectDone(await storage.enrollMachine({ tokenSha256, ...host, now }));
    expectRefused(await storage.enrollMachine({ tokenSha256, ...host, publicKey: Buffer.alloc(32, 8), now }), 'token-invalid');
  });

  test('an enrollment whose answer was lost gets the same machine again, until the token expires', async () => {
    const { storage, now } = vault();
    const tokenSha256 = Buffer.alloc(32, 203);
    expectDone(await storage.createBootstrapToken({ caller: vault().operator(), tokenSha256, projectIds: [], expiresAt: now + 1000 }));
    const first = expectDone(await storage.enrollMachine({ tokenSha256, ...host, now }));

    await vault().restart();
    const enrollAgain = (at: number) => vault().storage.enrollMachine({ tokenSha256, ...host, now: at });
    let again = await enrollAgain(now + 999);
    const entries = await vault().entriesOf(async () => {
      again = await enrollAgain(now + 999);
    });

    expect(expectDone(again)).toEqual(first);
    expect(entries).toBe(0);
    expectRefused(await enrollAgain(now + 1000), 'token-invalid');
  });

  test.each(['denied', 'disabled'] as const)('an enrollment that is repeated after it was %s is told so', async (state) => {
    const { storage, now } = vault();
    const tokenSha256 = Buffer.alloc(32, 204);
    expectDone(await storage.createBootstrapToken({ caller: vault().operator(), tokenSha256, projectIds: [], expiresAt: now + 1000 }));
    const { machineId } = expectDone(await storage.enrollMachine({ tokenSha256, ...host, now }));
    expectDone(await storage.setMachineState({ caller: vault().operator(), machineId, state, fingerprint: null }));

    expectRefused(await storage.enrollMachine({ tokenSha256, ...host, now }), `machine-${state}`);
  });

  test('two enrollments at once with one token make one machine', async () => {
    const { storage, now } = vault();
    const tokenSha256 = Buffer.alloc(32, 202);
    expectDone(await storage.createBootstrapToken({ caller: vault().operator(), tokenSha256, projectIds: [], expiresAt: now + 1000 }));

    const keys = [Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 1), Buffer.alloc(32, 3)];
    const outcomes = await Promise.all(keys.map((publicKey) => storage.enrollMachine({ tokenSha256, ...host, publicKey, now })));

    expect(outcomes.map((outcome) => outcome.kind)).toEqual(['done', 'refused', 'done', 'refused']);
    expect(expectDone(await storage.listMachines({ caller: vault().operator() }))).toHaveLength(1);
  });

  test('a machine is approved only with the fingerprint that it has', async () => {
    const machineId = await vault().enrolled();
    const approve = (fingerprint: string | null) =>
      vault().storage.setMachineState({ caller: vault().operator(), machineId, state: 'approved', fingerprint });

    expectRefused(await approve('AAAA-BBBB-CCCC'), 'fingerprint-mismatch');
    expectRefused(await vault().storage.pollVersions({ caller: vault().machine(machineId), secretIds: [] }), 'machine-pending');
    const known = await vault().storage.machineByIdentity(machineId);
    expect(expectDone(await approve(known?.fingerprint ?? '')).state).toBe('approved');
    expectDone(await vault().storage.pollVersions({ caller: vault().machine(machineId), secretIds: [] }));
  });

  test.each(['denied', 'disabled'] as const)('a machine that is %s is refused everything but itself', async (state) => {
    const machineId = await vault().approved();
    expectDone(await vault().storage.setMachineState({ caller: vault().operator(), machineId, state, fingerprint: null }));

    expectRefused(await vault().storage.pollVersions({ caller: vault().machine(machineId), secretIds: [] }), `machine-${state}`);
    expect(expectDone(await vault().storage.describeSelf({ caller: vault().machine(machineId) })).state).toBe(state);
  });

  test('a nonce is used once by an identity, also after a restart, and freely by another one', async () => {
    const machineId = await vault().approved();
    const other = await vault().approved();
    const caller = vault().machine(machineId);

    expectDone(await vault().storage.pollVersions({ caller, secretIds: [] }));
    expectRefused(await vault().storage.pollVersions({ caller, secretIds: [] }), 'replay');
    await vault().restart();

    expectRefused(await vault().storage.pollVersions({ caller, secretIds: [] }), 'replay');
    expect(await vault().storage.useNonce(caller)).toBe('replay');
    expect(await vault().storage.useNonce({ ...caller, id: other })).toBe('fresh');
  });

  test('the same nonce many times at once is fresh once', async () => {
    const caller = vault().machine(await vault().approved());

    const found = await Promise.all(Array.from({ length: 20 }, () => vault().storage.useNonce(caller)));

    expect(found.filter((one) => one === 'fresh')).toHaveLength(1);
  });

  test('a refused request has used its nonce', async () => {
    const caller = vault().machine(await vault().enrolled());

    expectRefused(await vault().storage.pollVersions({ caller, secretIds: [] }), 'machine-pending');
    expectRefused(await vault().storage.pollVersions({ caller, secretIds: [] }), 'replay');
  });

  test('an identity nobody knows is refused', async () => {
    const { storage } = vault();

    expectRefused(await storage.pollVersions({ caller: vault().machine('nobody'), secretIds: [] }), 'unknown-caller');
    expectRefused(await storage.listProjects({ caller: { ...vault().operator(), id: 'op_nobody' } }), 'unknown-caller');
    expect(await storage.machineByIdentity('nobody')).toBeNull();
    expect(await storage.operatorByIdentity('nobody')).toBeNull();
  });

  test('an address is locked for a while once it failed too often within the window', async () => {
    const { storage } = vault();
    const limits = { limit: 3, windowMs: 60_000, lockMs: 30_000 };
    const fail = (address: string, now: number) => storage.recordFailedAuthentication({ address, now, ...limits });

    expect(await fail('10.0.0.1', 1000)).toBeNull();
    expect(await fail('10.0.0.1', 2000)).toBeNull();
    expect(await fail('10.0.0.1', 70_000)).toBeNull();
    expect(await fail('10.0.0.1', 71_000)).toBeNull();
    expect(await fail('10.0.0.1', 72_000)).toBe(102_000);

    expect(await storage.addressLock({ address: '10.0.0.1', now: 101_999 })).toBe(102_000);
    expect(await storage.addressLock({ address: '10.0.0.1', now: 102_000 })).toBeNull();
    expect(await storage.addressLock({ address: '10.0.0.2', now: 72_000 })).toBeNull();
  });

  test('when a machine and an operator were seen last is known, to the minute, and also after a restart', async () => {
    const machineId = await vault().enrolled();
    const lastSeenAt = (kind: 'machine' | 'operator', id: string) => vault().storage.lastSeenAt({ kind, id, now: vault().now });
    const from = (address: string) => vault().storage.describeSelf({ caller: { ...vault().machine(machineId), address } });
    expect(await lastSeenAt('machine', machineId)).toBeNull();
    const firstSeenAt = vault().now;
    expectDone(await from('10.0.0.1'));
    vault().now += 60_000;
    expectDone(await from('10.0.0.1'));
    await vault().restart();

    expect(await lastSeenAt('machine', machineId)).toBe(firstSeenAt);
    expect(await lastSeenAt('operator', machineId)).toBeNull();
    vault().now += 1;
    expectDone(await from('10.0.0.3'));
    expect(await lastSeenAt('machine', machineId)).toBe(vault().now);
    expect(await lastSeenAt('operator', vault().operator().id)).toBe(firstSeenAt);
    expect(await lastSeenAt('machine', 'nobody')).toBeNull();
  });

  test('a refusal that a clock ahead of its time wrote hides nothing of when a machine was seen', async () => {
    const project = await vault().project();
    const machineId = await vault().approved(project);
    const lastSeenAt = () => vault().storage.lastSeenAt({ kind: 'machine', id: machineId, now: vault().now });
    expectDone(await vault().storage.listForMachine({ caller: vault().machine(machineId), projectId: null }));
    const seenAt = vault().now;
    vault().now += 86_400_000;
    await vault().storage.extendDrainsHeldBy({ machineId, signedAt: seenAt, now: vault().now });

    expect(await lastSeenAt()).toBe(vault().now);
    vault().now = seenAt;
    expect(await lastSeenAt()).toBe(seenAt);
  });

  test('without an audit key nothing that must be audited happens', async () => {
    const project = await vault().project();
    vault().storage.useAuditKey(null);
    const wrapKey = (): Uint8Array => Buffer.from('key');

    await expect(vault().storage.createProject({ caller: vault().operator(), name: 'unaudited', wrapKey })).rejects.toMatchObject({
      code: 'vault-sealed',
    });

    const projects = expectDone(await vault().storage.listProjects({ caller: vault().operator() }));
    expect(projects.map((found) => found.projectId)).toEqual([project]);
  });
}
