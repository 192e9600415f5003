/** Operators: made by one another, listed, disabled for good, and never all of them. */
import { expect, test } from 'vitest';
import type { OperatorCaller } from '../records.ts';
import { type CurrentVault, expectDone, expectRefused } from './fixture.ts';

export function operatorsContract(vault: CurrentVault): void {
  const first = () => vault().operator();
  const create = async (name: string, byte: number) =>
    expectDone(await vault().storage.createOperator({ caller: first(), name, publicKey: Buffer.alloc(32, byte) }));
  const by = (operatorId: string): OperatorCaller => ({ ...first(), id: operatorId });
  const disable = (caller: OperatorCaller, operatorId: string) => vault().storage.disableOperator({ caller, operatorId });

  test('an operator made by an operator is found by id and key', async () => {
    const made = await create('second', 5);

    const found = await vault().storage.operatorByIdentity(made.operatorId);

    expect(found).toMatchObject({ id: made.operatorId, name: 'second', fingerprint: made.fingerprint });
    expect(Buffer.from(found?.publicKey ?? []).equals(Buffer.alloc(32, 5))).toBe(true);
    expect(await vault().storage.machineByIdentity(made.operatorId)).toBeNull();
  });

  test('all are listed, oldest first, with what they may still do', async () => {
    vault().now += 1;
    const made = await create('second', 5);
    const disabled = expectDone(await disable(first(), made.operatorId));

    expect(disabled).toEqual({ ...made, state: 'disabled', createdAt: vault().now });
    expect(expectDone(await vault().storage.listOperators({ caller: first() }))).toEqual([
      { operatorId: first().id, name: 'first operator', fingerprint: expect.any(String), state: 'enabled', createdAt: vault().now - 1 },
      disabled,
    ]);
  });

  test('who is disabled may do nothing more, and learns it after the nonce; the audit log says who did it', async () => {
    const { operatorId } = await create('second', 5);
    expectDone(await vault().storage.listProjects({ caller: by(operatorId) }));
    expectDone(await disable(first(), operatorId));

    const caller = by(operatorId);
    expectRefused(await vault().storage.listProjects({ caller }), 'operator-disabled');
    expectRefused(await vault().storage.listProjects({ caller }), 'replay');
    expectRefused(await vault().storage.status({ caller: by(operatorId) }), 'operator-disabled');
    expectRefused(await disable(by(operatorId), first().id), 'operator-disabled');
    expect(expectDone(await vault().storage.listOperators({ caller: first() }))[0]?.state).toBe('enabled');
    expect((await vault().audited()).filter((action) => action.startsWith('operator.'))).toEqual(['operator.create', 'operator.disable']);
  });

  test('the last one who is enabled cannot be disabled, whoever was before', async () => {
    const { operatorId } = await create('second', 5);
    expectDone(await disable(by(operatorId), first().id));

    expectRefused(await disable(by(operatorId), operatorId), 'last-operator');
    expectDone(await vault().storage.listProjects({ caller: by(operatorId) }));
  });

  test('two who disable each other at once leave one of them', async () => {
    const { operatorId } = await create('second', 5);

    const outcomes = await Promise.all([disable(first(), operatorId), disable(by(operatorId), first().id)]);

    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['done', 'refused']);
  });

  test('disabling twice is one entry, and nobody is not found', async () => {
    const { operatorId } = await create('second', 5);

    const entries = await vault().entriesOf(async () => {
      for (let count = 0; count < 2; count += 1) expectDone(await disable(first(), operatorId));
    });

    expect(entries).toBe(1);
    expectRefused(await disable(first(), 'op_nobody'), 'not-found');
  });

  test('one who is made at the host stands beside those who are there, also disabled ones, by the vault’s own act', async () => {
    const { operatorId } = await create('second', 5);
    expectDone(await disable(first(), operatorId));
    vault().now += 1;
    const operator = { operatorId: 'op_back', name: 'third', publicKey: Buffer.alloc(32, 6) };

    const made = await vault().storage.createOperatorAtHost({ ...operator, now: vault().now });

    expect(made).toMatchObject({ operatorId: 'op_back', name: 'third' });
    expect(expectDone(await vault().storage.listOperators({ caller: by('op_back') })).at(-1)).toEqual({
      ...made,
      state: 'enabled',
      createdAt: vault().now,
    });
    const [entry] = expectDone(await vault().storage.auditEntries({ caller: first(), before: null, limit: 1, secretId: null }));
    expect(entry).toMatchObject({ actorKind: 'vault', action: 'operator.create', subject: 'op_back', detail: 'at-the-host' });
    vault().storage.useAuditKey(null);
    await expect(vault().storage.createOperatorAtHost({ ...operator, operatorId: 'op_unaudited', now: vault().now })).rejects.toMatchObject(
      {
        code: 'vault-sealed',
      },
    );
    expect(await vault().storage.operatorByIdentity('op_unaudited')).toBeNull();
  });
}
