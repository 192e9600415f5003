import { VaultDenied } from '@sikkerkey/core/rotation/ports.ts';
import { describe, expect, test } from 'vitest';
import { localErrorOf } from './local-error.ts';

const context = { secretId: 'sk_1', machineId: 'm_1', reference: () => 'r_1' };

describe('what a vault denies an agent', () => {
  test.each([
    { code: 'not-found', said: { code: 'not-found', details: { subject: 'secret', secretId: 'sk_1' } } },
    { code: 'access-denied', said: { code: 'access-denied', details: { permission: 'rotate', secretId: 'sk_1', machineId: 'm_1' } } },
    { code: 'of-a-newer-vault', said: { code: 'vault-refused', details: { status: 403, code: 'of-a-newer-vault' } } },
  ])('$code is told to a person as $said.code, with what the remedy names', ({ code, said }) => {
    expect(localErrorOf(new VaultDenied(code), context)).toMatchObject(said);
  });
});
