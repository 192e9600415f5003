/**
 * The physical limit beside the vault's reads, as a process of its own: one native Ed25519 verification of the same
 * payload with a known key, by the library that is named, and an answer of the same size from a bare server. It keeps
 * no nonce, no grant, no audit.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createServer } from 'node:http';
import { signedPayload } from '@sikkerkey/protocol/signing.ts';
import sodium from 'sodium-native';
import { writeLine } from './terminal.ts';

const [library = '', publicKeyBase64 = '', answerBytes = '0'] = process.argv.slice(2);
const rawKey = Buffer.from(publicKeyBase64, 'base64');
const keyObject = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: rawKey.toString('base64url') }, format: 'jwk' });
const answer = Buffer.from(JSON.stringify({ value: 'x'.repeat(Number(answerBytes)) }));
const header = (value: string | string[] | undefined): string => (typeof value === 'string' ? value : '');
const verifies =
  library === 'libsodium'
    ? (payload: Buffer, signature: Buffer): boolean => sodium.crypto_sign_verify_detached(signature, payload, rawKey)
    : (payload: Buffer, signature: Buffer): boolean => verify(null, payload, keyObject, signature);

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const bodySha256 = createHash('sha256').update(Buffer.concat(chunks)).digest('hex');
    const { headers, method = '', url: path = '' } = request;
    const payload = signedPayload({
      method,
      path,
      timestamp: header(headers['x-timestamp']),
      nonce: header(headers['x-nonce']),
      bodySha256,
    });
    const holds = verifies(Buffer.from(payload), Buffer.from(header(headers['x-signature']), 'base64'));
    response.writeHead(holds ? 200 : 401, { 'content-type': 'application/json', 'content-length': answer.length });
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  writeLine(JSON.stringify({ port: typeof address === 'object' ? address?.port : 0 }));
});
