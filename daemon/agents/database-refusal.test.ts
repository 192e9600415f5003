import { EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { describe, expect, test } from 'vitest';
import { namingDatabase } from './database-refusal.ts';
import type { DatabaseTarget } from './database-target.ts';

const target: DatabaseTarget = {
  secretId: 'sk_1',
  provider: 'postgresql',
  host: 'db.internal',
  port: 5433,
  database: 'orders',
  adminUser: 'keeper',
  adminPassword: new SecretText('canary-admin-password'),
  tls: 'verify-full',
  ca: null,
  probeQuery: null,
  owner: 'orders',
  strategy: 'flip',
};

describe('a database that no session can be had with', () => {
  test.each([
    ['ECONNREFUSED', 'database-unreachable'],
    ['ENOTFOUND', 'database-unreachable'],
    ['EAI_AGAIN', 'database-unreachable'],
    ['connect-timeout', 'database-unreachable'],
    ['28P01', 'administrator-refused'],
    ['28000', 'administrator-refused'],
    ['3D000', 'database-missing'],
    ['tls-not-supported', 'tls-not-supported'],
    ['tls-name-mismatch', 'tls-name-mismatch'],
  ])('is named after %s, without its password', async (reason, code) => {
    const failure = await namingDatabase(target, () => Promise.reject(new EngineFailure('transient', reason))).catch(
      (error: unknown) => error,
    );

    expect(failure).toMatchObject({
      code,
      details: { secretId: 'sk_1', host: 'db.internal', port: 5433, adminUser: 'keeper', tls: 'verify-full' },
    });
    expect(JSON.stringify(failure)).not.toContain('canary');
  });

  test.each([new EngineFailure('needs-person', '42501'), new TypeError('a fault of ours')])('leaves %s as it is', async (failure) => {
    await expect(namingDatabase(target, () => Promise.reject(failure))).rejects.toBe(failure);
  });
});
