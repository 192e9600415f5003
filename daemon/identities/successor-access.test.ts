import { VaultDenied, VaultUnreachable } from '@sikkerkey/core/rotation/ports.ts';
import type { MachineAnswer } from '@sikkerkey/protocol/vault/machine.ts';
import { describe, expect, test } from 'vitest';
import { firstLoss } from './successor-access.ts';

type Listed = MachineAnswer<'listSecrets'>['secrets'];

const listed = (secretId: string, mayRotate: boolean, mayRead = true): Listed[number] => ({
  ...{ secretId, projectId: 'proj_1', name: secretId, kind: 'managed', version: 1 },
  ...{ mayRead, mayRotate },
});
const answering =
  (...secrets: Listed): (() => Promise<Listed>) =>
  () =>
    Promise.resolve(secrets);
const failing = (error: Error) => (): Promise<Listed> => Promise.reject(error);

describe('what a successor would cost', () => {
  test.each([
    { name: 'a grant to rotate for an agent here', before: [listed('sk_1', true)], after: [listed('sk_1', false)], lost: 'rotate' },
    { name: 'all that a secret with an agent here needs', before: [listed('sk_1', true)], after: [], lost: 'rotate' },
    { name: 'a secret that is read here', before: [listed('sk_2', false)], after: [], lost: 'read' },
    {
      name: 'the reading of a secret that it may rotate',
      before: [listed('sk_1', true)],
      after: [listed('sk_1', true, false)],
      lost: 'read',
    },
    { name: 'the reading of a secret without an agent here', before: [listed('sk_2', true)], after: [], lost: 'read' },
  ] as const)('is $name', async ({ before, after, lost }) => {
    const loss = await firstLoss(answering(...before), answering(...after), (secretId) => secretId === 'sk_1');

    expect(loss).toEqual({ secretId: before[0].secretId, projectId: 'proj_1', permission: lost });
  });

  test.each([
    { name: 'it may do the same', before: answering(listed('sk_1', true)), after: answering(listed('sk_1', true), listed('sk_2', false)) },
    {
      name: 'only a grant goes that no agent here needs',
      before: answering(listed('sk_2', true)),
      after: answering(listed('sk_2', false)),
    },
    { name: 'neither may read', before: answering(listed('sk_1', true, false)), after: answering(listed('sk_1', true, false)) },
    { name: 'a secret goes that was listed only', before: answering(listed('sk_2', true, false)), after: answering() },
    { name: 'the vault denies the machine in use', before: failing(new VaultDenied('machine-disabled')), after: answering() },
  ])('is nothing where $name', async ({ before, after }) => {
    expect(await firstLoss(before, after, (secretId) => secretId === 'sk_1')).toBeNull();
  });

  test('is everything where the vault denies the successor', async () => {
    const loss = await firstLoss(answering(listed('sk_1', true)), failing(new VaultDenied('machine-disabled')), () => true);

    expect(loss).toMatchObject({ secretId: 'sk_1', permission: 'rotate' });
  });

  test('is not known while the vault gives no answer', async () => {
    await expect(firstLoss(answering(listed('sk_1', true)), failing(new VaultUnreachable('timeout')), () => true)).rejects.toThrow();
  });
});
