import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { TlsSettings } from '@sikkerkey/engines/postgresql/config.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { inspect } from '@sikkerkey/engines/postgresql/inspect.ts';
import { tlsOptions } from '@sikkerkey/engines/postgresql/tls.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type App, dependencies, type Fixture, patience, startFixture } from './fixture.ts';

let db: Fixture;
let app: App;
let ca: string;
let otherCa: string;
beforeAll(async () => {
  // 127.0.0.2 is a name that the certificate does not hold.
  db = await startFixture({
    tls: true,
    settings: { listen_addresses: '127.0.0.1,127.0.0.2' },
    hba: ['hostssl all all 127.0.0.0/8 scram-sha-256'],
  });
  app = await db.makeApp();
  ca = await readFile(db.server.caFile ?? '', 'utf8');
  const other = await startFixture({ tls: true });
  otherCa = await readFile(other.server.caFile ?? '', 'utf8');
  await other.stop();
}, 60_000);
afterAll(() => db.stop());

async function codeWith(host: string, tls: TlsSettings): Promise<string | null> {
  const engine = createPostgresqlEngine({ ...app.config, host, tls }, dependencies);
  return engine.openSession(app.config.secretId, 1, patience(), null).then(
    async (session) => {
      await session.close();
      return null;
    },
    (error: { readonly code: string }) => error.code,
  );
}

it.each(['127.0.0.1', 'localhost'])(
  'verify-full accepts %s, which the certificate names, under an authority that was given',
  async (host) => {
    expect(await codeWith(host, { mode: 'verify-full', ca })).toBeNull();
  },
);

it('verify-full refuses a name that the certificate does not hold, verify-ca does not look at it', async () => {
  expect(await codeWith('127.0.0.2', { mode: 'verify-full', ca })).toBe('tls-name-mismatch');
  expect(await codeWith('127.0.0.2', { mode: 'verify-ca', ca })).toBeNull();
});

it.each(['verify-full', 'verify-ca'] as const)('%s refuses another authority, and one that the system does not know', async (mode) => {
  expect(await codeWith('127.0.0.1', { mode, ca: otherCa })).toBe('tls-certificate-untrusted');
  expect(await codeWith('127.0.0.1', { mode })).toBe('tls-certificate-untrusted');
});

it.each(['-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n', 'not even that'])(
  'trusts nobody when the authorities that were given are no certificates: %j',
  async (nonsense) => {
    expect(await codeWith('127.0.0.1', { mode: 'verify-full', ca: nonsense })).toBe('tls-certificate-untrusted');
  },
);

it('require encrypts without looking at the certificate', async () => {
  expect(await codeWith('127.0.0.1', { mode: 'require' })).toBeNull();
});

it('verifies a candidate over TLS, and a broken chain never counts against the credential', async () => {
  const verify = (tls: TlsSettings): Promise<unknown> =>
    createPostgresqlEngine({ ...app.config, tls }, dependencies).verify(app.candidate(1, 'owner'), patience());

  expect(await verify({ mode: 'verify-full', ca })).toEqual({ kind: 'verified' });
  expect(await verify({ mode: 'verify-full', ca: otherCa })).toEqual({ kind: 'try-again', code: 'tls-certificate-untrusted' });
});

it('refuses a certificate that has expired, and one that nobody signed but itself', async () => {
  const base = dirname(db.server.caFile ?? '');
  const certificate = join(db.server.dataDirectory, 'server.crt');
  const valid = await readFile(certificate);
  const openssl = (...args: readonly string[]): Promise<unknown> => promisify(execFile)('openssl', args, { cwd: base });
  const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'server.ext'];
  const codesWith = async (made: string): Promise<readonly (string | null)[]> => {
    await writeFile(certificate, await readFile(join(base, made)));
    await db.sql('SELECT pg_reload_conf()');
    // The postmaster loads it a moment later.
    await expect.poll(() => codeWith('127.0.0.1', { mode: 'verify-full', ca })).not.toBeNull();
    return [await codeWith('127.0.0.1', { mode: 'verify-full', ca }), await codeWith('127.0.0.1', { mode: 'verify-ca', ca })];
  };
  await openssl('x509', '-req', '-in', 'server.csr', ...signing, '-days', '-1', '-out', 'expired.crt');
  await openssl('x509', '-req', '-in', 'server.csr', '-signkey', 'server.key', '-days', '2', '-extfile', 'server.ext', '-out', 'own.crt');

  const refusals = [await codesWith('expired.crt')];
  await writeFile(certificate, valid);
  await db.sql('SELECT pg_reload_conf()');
  await expect.poll(() => codeWith('127.0.0.1', { mode: 'verify-full', ca })).toBeNull();
  refusals.push(await codesWith('own.crt'));
  await writeFile(certificate, valid);
  await db.sql('SELECT pg_reload_conf()');
  await expect.poll(() => codeWith('127.0.0.1', { mode: 'verify-full', ca })).toBeNull();

  expect(refusals).toEqual(Array(2).fill(['tls-certificate-untrusted', 'tls-certificate-untrusted']));
});

it.each([
  { tls: { mode: 'disable' as const }, code: 'tls-disabled' },
  { tls: { mode: 'require' as const }, code: 'tls-not-fully-verified' },
])('shows the downgrade $code in every inspection', async ({ tls, code }) => {
  const { findings } = await inspect({ ...app.config, tls }, 'rotate', dependencies, patience());

  expect(findings.map((finding) => finding.code)).toContain(code);
});

it('does not parse the authorities of the system again for each connection', () => {
  const first = tlsOptions({ mode: 'verify-full' });
  const second = tlsOptions({ mode: 'verify-ca' });

  expect(first === false ? null : first.secureContext).toBe(second === false ? undefined : second.secureContext);
});
