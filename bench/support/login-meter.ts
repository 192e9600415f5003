/** Twelve workers of an application that open fresh connections all the time with what the vault last told them. */
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import type { SecretReader } from '@sikkerkey/sdk/secret-reader.ts';
import type { SikkerKey } from '@sikkerkey/sdk/sikker-key.ts';
import pg from 'pg';

const workers = 12;
const pauseMs = 30;

export interface LoginTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
}

export interface LoginCount {
  tried: number;
  failed: number;
  /** SQLSTATE or the system's code → how often. */
  readonly failures: Map<string, number>;
}

export interface LoginMeter {
  readonly count: LoginCount;
  stop(): Promise<void>;
}

/** `cacheMs`: how long the application uses what it has read, without asking. */
export function startLogins(sikkerkey: SikkerKey, secretId: string, cacheMs: number, target: LoginTarget): LoginMeter {
  const count: LoginCount = { tried: 0, failed: 0, failures: new Map() };
  const ending = new AbortController();
  const reader = sikkerkey.reader(secretId, { pool: `cache ${cacheMs} ms`, cacheMs });
  const running = Array.from({ length: workers }, async () => {
    while (!ending.signal.aborted) {
      await logIn(reader, target, count);
      await systemClock.sleep(pauseMs);
    }
  });
  return {
    count,
    stop: async () => {
      ending.abort();
      await Promise.all(running);
      await reader.end();
    },
  };
}

async function logIn(reader: SecretReader, target: LoginTarget, count: LoginCount): Promise<void> {
  let client: pg.Client | null = null;
  try {
    client = await reader.use(async (secret) => {
      const { username, password } = secret.fields();
      const fresh = new pg.Client({ ...target, user: username, password, connectionTimeoutMillis: 10_000 });
      fresh.on('error', () => undefined);
      count.tried += 1;
      await fresh.connect();
      return fresh;
    });
    await client.query('select 1');
  } catch (error) {
    count.failed += 1;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    count.failures.set(code, (count.failures.get(code) ?? 0) + 1);
  } finally {
    await client?.end();
  }
}

export function describeFailures(count: LoginCount): string {
  const codes = [...count.failures].map(([code, times]) => `${code} × ${times}`);
  return codes.length === 0 ? '' : `: ${codes.join(', ')}`;
}
