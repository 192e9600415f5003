import type { VaultClient } from '@sikkerkey/core/vault-client/client.ts';
import { describe, expect, test } from 'vitest';
import { createPublishedVault } from './published-vault.ts';

const never = new AbortController().signal;

describe('a vault of the published protocol', () => {
  test('never vouches for the drain of a claim that another protocol gave', async () => {
    const counted = { epoch: 3, version: 2 };
    const client = {} as VaultClient;
    const { port } = createPublishedVault(client, { read: () => counted, write: () => undefined });

    expect(await port.drain('sk_1', 'rot_1', 3, never)).toEqual({ kind: 'clear' });
    expect(await port.retired('sk_1', 'rot_1', 3, never)).toBe('retired');
    await expect(port.drain('sk_1', 'rot_1', 7, never)).rejects.toMatchObject({ name: 'VaultUnreachable' });
    await expect(port.retired('sk_1', 'rot_1', 7, never)).rejects.toMatchObject({ name: 'VaultUnreachable' });
  });
});
