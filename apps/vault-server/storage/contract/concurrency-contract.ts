/** Many operations in flight: nothing lost, nothing mixed up, one failure alone. */
import { expect, test } from 'vitest';
import { Daemon } from './daemon.ts';
import { type CurrentVault, expectDone, expectRefused, sealFor } from './fixture.ts';

export function concurrencyContract(vault: CurrentVault): void {
  test('hundreds of reads at once are each served and audited once', async () => {
    const project = await vault().project();
    const machineId = await vault().approved(project);
    const secretId = await vault().plainSecret(project);
    await vault().grant(secretId, machineId, 'read');
    const read = () => vault().storage.readLiveSecret({ caller: vault().machine(machineId), secretId, instance: null, pool: null });
    let served = 0;

    const entries = await vault().entriesOf(async () => {
      const outcomes = await Promise.all(Array.from({ length: 600 }, read));
      served = outcomes.filter((outcome) => outcome.kind === 'done').length;
    });

    expect(served).toBe(600);
    expect(entries).toBe(600);
  });

  test('updates at once each get a version of their own', async () => {
    const secretId = await vault().plainSecret(await vault().project());
    const update = () => vault().storage.updateSecret({ caller: vault().operator(), secretId, fieldNames: null, seal: sealFor });

    const outcomes = await Promise.all(Array.from({ length: 40 }, update));

    const versions = outcomes.map((outcome) => expectDone(outcome).version);
    expect(versions.toSorted((left, right) => left - right)).toEqual(Array.from({ length: 40 }, (_, index) => index + 2));
  });

  test('one operation that fails takes none of its neighbours with it', async () => {
    const secretId = await vault().plainSecret(await vault().project());
    const update = (seal: typeof sealFor) => vault().storage.updateSecret({ caller: vault().operator(), secretId, fieldNames: null, seal });
    const fails = (): never => {
      throw new Error('no seal');
    };
    let results: PromiseSettledResult<unknown>[] = [];

    const entries = await vault().entriesOf(async () => {
      results = await Promise.allSettled([update(sealFor), update(sealFor), update(fails), update(sealFor), update(sealFor)]);
    });

    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(expectDone(await vault().storage.showSecret({ caller: vault().operator(), secretId })).version).toBe(5);
    expect(entries).toBe(4);
  });

  test('an operation that failed has left nothing behind, not even its nonce', async () => {
    const secretId = await vault().plainSecret(await vault().project());
    const caller = vault().operator();
    const fails = (): never => {
      throw new Error('no seal');
    };

    await expect(vault().storage.updateSecret({ caller, secretId, fieldNames: null, seal: fails })).rejects.toThrow('no seal');
    expect(expectDone(await vault().storage.updateSecret({ caller, secretId, fieldNames: null, seal: sealFor })).version).toBe(2);
  });

  test('of many daemons that claim at once, one gets the claim', async () => {
    const project = await vault().project();
    const machineId = await vault().approved(project);
    const secretId = await vault().managedSecret(project);
    await vault().grant(secretId, machineId, 'rotate');
    await new Daemon(vault(), machineId, secretId).adopt();
    const daemons = Array.from({ length: 10 }, (_, index) => new Daemon(vault(), machineId, secretId, `daemon-${index}`));

    const outcomes = await Promise.all(daemons.map((daemon) => daemon.tryClaim()));

    expect(outcomes.filter(({ outcome }) => outcome === 'claimed')).toHaveLength(1);
    expect(outcomes.filter(({ outcome }) => outcome === 'held')).toHaveLength(9);
  });

  test('a promotion and reads at once: every reader of the old version holds it', async () => {
    const { machineId, secretId } = await vault().servedSecret();
    const daemon = new Daemon(vault(), machineId, secretId);
    await daemon.adopt();
    await daemon.rotate();
    expectDone(await vault().storage.requestRotation({ caller: vault().operator(), secretId, seal: sealFor }));
    const work = await daemon.claim();
    const read = async (instance: string) =>
      expectDone(await vault().storage.readLiveSecret({ caller: vault().machine(machineId), secretId, instance, pool: 'pool' })).version;
    const instances = (from: number) => Array.from({ length: 20 }, (_, index) => read(`i${from + index}`));

    const [before, , after] = await Promise.all([Promise.all(instances(0)), daemon.confirm(work), Promise.all(instances(20))]);

    const old = [...before, ...after].filter((version) => version === 2).length;
    const drain = await daemon.drain(work);
    expect(drain.state === 'draining' ? drain.holdOutCount : 0).toBe(old);
    expect(old).toBeGreaterThan(0);
  });

  test('what was queued when the store was closed is done, and what comes later is refused', async () => {
    const secretId = await vault().plainSecret(await vault().project());
    const update = () => vault().storage.updateSecret({ caller: vault().operator(), secretId, fieldNames: null, seal: sealFor });
    const queued = [update(), update()];
    const closed = vault().storage.close();

    expect((await Promise.all(queued)).map((outcome) => expectDone(outcome).version)).toEqual([2, 3]);
    await closed;
    await expect(update()).rejects.toThrow('closed');
    await vault().restart();
    expect(expectDone(await vault().storage.showSecret({ caller: vault().operator(), secretId })).version).toBe(3);
  });

  test('the audit log goes on where it was after a restart', async () => {
    const project = await vault().project();
    await vault().restart();
    await vault().plainSecret(project);

    expect(await vault().audited()).toEqual(['vault.initialise', 'project.create', 'secret.create']);
    const [head] = await vault().storage.auditHeads();
    expect(head?.nodeSequence).toBe(3);
  });

  test('a nonce of a request that was refused for its state is not fresh to another operation', async () => {
    const caller = vault().machine(await vault().enrolled());
    expectRefused(await vault().storage.listForMachine({ caller, projectId: null }), 'machine-pending');

    expect(await vault().storage.useNonce(caller)).toBe('replay');
  });
}
