/**
 * Applications as they should be: each reads the live credential, opens fresh sessions with it until it reads again
 * (some at once, some from a cache), and acknowledges a version once no login with an older one is under way. Counts what failed; a rotation must not make one fail.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parsePrivateKeyPem } from '@sikkerkey/core/identity/signing-key.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { createVaultClient, type VaultClient } from '@sikkerkey/core/vault-client/client.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { createVaultTransport } from '@sikkerkey/host/vault-transport.ts';
import pg from 'pg';
import type { Managed, Stand } from './stand.ts';

export interface MeterReading {
  readonly tried: number;
  readonly failed: number;
  readonly codes: readonly string[];
}

/** A client that signs as the stand's machine. */
export async function machineClient(stand: Stand): Promise<VaultClient> {
  const directory = join(stand.home, 'vaults', stand.vault.vaultId);
  const identity = JSON.parse(await readFile(join(directory, 'identity.json'), 'utf8')) as { machineId: string };
  const pem = await readFile(join(directory, 'private.pem'), 'utf8');
  return createVaultClient({
    baseUrl: stand.vault.apiUrl,
    identity: { kind: 'machine', id: identity.machineId, key: parsePrivateKeyPem(new SecretText(pem)) },
    transport: createVaultTransport({ baseUrl: stand.vault.apiUrl }),
    clock: systemClock,
    random: systemRandom,
  });
}

export class LoginMeter {
  readonly #stand: Stand;
  readonly #client: VaultClient;
  readonly #managed: Managed;
  readonly #codes: string[] = [];
  #tried = 0;
  #ending = false;
  #workers: readonly Promise<void>[] = [];

  private constructor(stand: Stand, client: VaultClient, managed: Managed) {
    this.#stand = stand;
    this.#client = client;
    this.#managed = managed;
  }

  static async start(stand: Stand, managed: Managed, cachesMs: readonly number[] = [0, 300]): Promise<LoginMeter> {
    const meter = new LoginMeter(stand, await machineClient(stand), managed);
    const instance = `meter-${Buffer.from(systemRandom.bytes(6)).toString('hex')}`;
    meter.#workers = cachesMs.map((cacheMs, index) => meter.#work(instance, `worker-${index}`, cacheMs));
    return meter;
  }

  async stop(): Promise<MeterReading> {
    this.#ending = true;
    await Promise.all(this.#workers);
    await this.#client.close();
    return { tried: this.#tried, failed: this.#codes.length, codes: [...this.#codes] };
  }

  async #work(instance: string, pool: string, cacheMs: number): Promise<void> {
    const { secretId } = this.#managed;
    let seen = 0;
    while (!this.#ending) {
      const { value, version } = await this.#client.machine('readSecret', { secretId, instance, pool });
      const { username, password } = JSON.parse(value) as { username: string; password: string };
      if (version > seen && seen > 0) await this.#client.machine('acknowledge', { secretId, instance, pool, version });
      seen = Math.max(seen, version);
      const readAgainAt = systemClock.monotonic() + cacheMs;
      do {
        await this.#logIn(username, password);
        await systemClock.sleep(5);
      } while (!this.#ending && systemClock.monotonic() < readAgainAt);
    }
  }

  async #logIn(user: string, password: string): Promise<void> {
    const { host, port, database } = this.#stand.postgresql;
    const client = new pg.Client({ host, port, user, password, database });
    client.on('error', () => undefined);
    this.#tried += 1;
    try {
      await client.connect();
      await client.query('SELECT 1');
    } catch (error) {
      this.#codes.push(error instanceof Error && 'code' in error ? String(error.code) : 'unknown');
    } finally {
      await client.end();
    }
  }
}
