/** Anything that can be sent: the vault answers with a refusal of the catalogue, keeps its words, and goes on. */
import { connect } from 'node:net';
import { isErrorCode } from '@sikkerkey/protocol/error-catalogue.ts';
import { machineRoutes } from '@sikkerkey/protocol/vault/machine.ts';
import { operatorRoutes } from '@sikkerkey/protocol/vault/operator.ts';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, type Identity, plainRequest, signedRequest } from '../support/signed-request.ts';
import { approvedMachine, startVault, type TestVault } from '../support/vault-process.ts';

let vault: TestVault;
let machine: Identity;
beforeAll(async () => {
  vault = await startVault({ serve: ['--lockout-exempt-loopback'] });
  machine = await approvedMachine(vault);
});
afterAll(() => vault.stop());

const expected = [200, 400, 401, 403, 404, 409, 413];
const canary = 'canary-9f31';

function expectRefusalOrAnswer(answer: Answer, path: string): void {
  expect(expected).toContain(answer.status);
  expect(answer.text).not.toContain(canary);
  if (answer.status === 200) return;
  const body = JSON.parse(answer.text) as { error: unknown };
  if (path.startsWith('/v2/')) expect(isErrorCode((body.error as { code: string }).code)).toBe(true);
  else expect(isErrorCode(String(answer.headers['x-sikkerkey-error']))).toBe(true);
}

const anyBody = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.json({ maxDepth: 3 }).map((text) => Buffer.from(text)),
  fc
    .dictionary(
      fc.constantFrom(
        'secretId',
        'projectId',
        'name',
        'value',
        'fields',
        'instance',
        'pool',
        'epoch',
        'version',
        'cursor',
        'agents',
        '__proto__',
      ),
      fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.constant(canary), fc.array(fc.string()), fc.constant({ [canary]: canary })),
    )
    .map((fields) => Buffer.from(JSON.stringify(fields))),
);

test('any body of a machine, properly signed', async () => {
  const paths = [
    ...Object.values(machineRoutes).map(({ path }) => path),
    ...['/v1/secrets/list', '/v1/secrets/export', '/v1/secrets/poll', '/v1/secret/sk_x/agent/heartbeat'],
    ...['/v1/secret/sk_x/agent/confirm-rotation', '/v1/secret/sk_x/agent/reject-rotation'],
  ].filter((path) => path !== machineRoutes.events.path);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), anyBody, async (path, body) => {
      expectRefusalOrAnswer(await signedRequest(vault.apiUrl, machine, 'POST', path, body), path);
    }),
    { numRuns: 150 },
  );
});

test('any body of an operator, properly signed', async () => {
  const paths = Object.values(operatorRoutes).map(({ path }) => path);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), anyBody, async (path, body) => {
      expectRefusalOrAnswer(await signedRequest(vault.apiUrl, vault.operator, 'POST', path, body), path);
    }),
    { numRuns: 150 },
  );
});

test('any id in a path, and any header that node sends', async () => {
  const id = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 150 }).map((text) => text.replace(/[\s#?%/]/g, '-'));
  const header = fc.string({ unit: 'grapheme-ascii', maxLength: 200 }).map((text) => text.trim());
  await fc.assert(
    fc.asyncProperty(id, header, header, header, header, async (secretId, identity, timestamp, nonce, signature) => {
      const headers = { 'x-machine-id': identity, 'x-timestamp': timestamp, 'x-nonce': nonce, 'x-signature': signature };
      const path = `/v1/secret/${secretId}`;
      expectRefusalOrAnswer(await plainRequest(vault.apiUrl, 'GET', path, '', headers), path);
      expectRefusalOrAnswer(await signedRequest(vault.apiUrl, machine, 'GET', path), path);
    }),
    { numRuns: 100 },
  );
});

test.each([
  ['no HTTP at all', 'this is not HTTP\r\n\r\n'],
  ['a header without an end', `GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: ${'a'.repeat(20_000)}`],
  ['two lengths', 'POST /v2/enroll HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}'],
  ['length and chunks', 'POST /v2/enroll HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a whole URL as target', 'GET http://elsewhere.example/v1/secrets HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'],
  ['bytes that are no text', '\u0000\u0001\u0002\r\n\r\n'],
])('%s is refused on the wire', async (_name, sent) => {
  const answer = await rawExchange(sent);

  expect(answer === '' || /^HTTP\/1\.1 (400|404|431) /.test(answer)).toBe(true);
});

test('after all of that it still answers, has logged no failure, and kept no word of it', async () => {
  expect((await plainRequest(vault.apiUrl, 'GET', '/readyz')).status).toBe(200);
  expect(vault.log()).not.toContain('request.failed');
  expect(vault.log()).not.toContain(canary);
});

function rawExchange(sent: string): Promise<string> {
  const { port } = new URL(vault.apiUrl);
  return new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += String(chunk);
    });
    socket.on('error', () => resolve(answer));
    socket.on('close', () => resolve(answer));
    socket.end(sent, 'latin1');
  });
}
