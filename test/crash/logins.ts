/** The live credential as an application reads it, and whether the server accepts one: each by itself, once. */
import pg from 'pg';
import { machineClient } from './login-meter.ts';
import type { Managed, Stand } from './stand.ts';

export interface Credential {
  readonly username: string;
  readonly password: string;
}

/** Leaves no reader behind, so that nothing drains for it. */
export async function readLiveCredential(stand: Stand, managed: Managed): Promise<Credential> {
  const client = await machineClient(stand);
  try {
    const read = await client.machine('readSecret', { secretId: managed.secretId, instance: 'once', pool: 'once' });
    await client.machine('endInstance', { instance: 'once' });
    return JSON.parse(read.value) as Credential;
  } finally {
    await client.close();
  }
}

/** `accepted`, or the server's code. */
export async function tryLogin(stand: Stand, user: string, password: string): Promise<string> {
  const { host, port, database } = stand.postgresql;
  const client = new pg.Client({ host, port, user, password, database });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return 'accepted';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  } finally {
    await client.end();
  }
}
