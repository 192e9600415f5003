/** TLS: the vault serves the certificate that it was given, and then also beyond this host. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { vaultCommand, vaultProgram } from '../support/vault-process.ts';

let directory: string;
let madeCertificate = false;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sikkerkey-vault-tls-'));
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', join(directory, 'key.pem'), '-out', join(directory, 'cert.pem')];
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', ...subject, ...files];
  madeCertificate = await promisify(execFile)('openssl', words, { env: childEnvironment() }).then(
    () => true,
    () => false,
  );
});
afterAll(() => rm(directory, { recursive: true, force: true }));
beforeEach((context) => {
  if (!madeCertificate) context.skip('no openssl here to make a certificate with');
});

test('is served where a certificate is given, on every address asked for', async () => {
  const data = join(directory, 'data');
  await vaultCommand(['init', '--data', data, '--json']);
  const tls = ['--tls-cert', join(directory, 'cert.pem'), '--tls-key', join(directory, 'key.pem')];
  const words = ['serve', '--data', data, '--listen', '0.0.0.0:0', ...tls, '--api-url', 'https://vault.example', '--json'];
  const child = spawn(process.execPath, [vaultProgram, ...words], { stdio: ['ignore', 'pipe', 'pipe'], env: childEnvironment() });
  const log = createInterface({ input: child.stderr });
  const [line] = await once(log, 'line');
  const { port } = JSON.parse(String(line)) as { port: number };
  const [ready] = await once(createInterface({ input: child.stdout }), 'line');

  const ca = await readFile(join(directory, 'cert.pem'));
  const status = await new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', servername: 'localhost', port, path: '/healthz', ca, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const [exitCode] = await ended;

  expect(status).toBe(200);
  expect(JSON.parse(String(ready))).toMatchObject({ apiUrl: 'https://vault.example', sealed: true });
  expect(exitCode).toBe(0);
});

test('a certificate that cannot be read keeps it from starting', async () => {
  const words = ['--tls-cert', join(directory, 'nothing.pem'), '--tls-key', join(directory, 'nothing.pem')];
  const result = await vaultCommand(['serve', '--data', join(directory, 'other'), '--listen', '0.0.0.0:0', ...words]);

  expect(result.exitCode).not.toBe(0);
  expect(result.stderr).toContain('certificate');
});
