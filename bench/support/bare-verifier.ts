/**
 * The physical limit beside the vault's reads, as a process of its own: one native Ed25519 verification of the same
 * payload with a cached key, and an answer of the same size from a bare server. It keeps no nonce, no grant, no audit.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createServer } from 'node:http';
import { signedPayload } from '@sikkerkey/protocol/signing.ts';
import { writeLine } from './terminal.ts';

const [publicKeyBase64 = '', answerBytes = '0'] = process.argv.slice(2);
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const key = createPublicKey({ key: Buffer.concat([spkiPrefix, Buffer.from(publicKeyBase64, 'base64')]), format: 'der', type: 'spki' });
const answer = Buffer.from(JSON.stringify({ value: 'x'.repeat(Number(answerBytes)) }));
const header = (value: string | string[] | undefined): string => (typeof value === 'string' ? value : '');

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
    const holds = verify(null, Buffer.from(payload), key, Buffer.from(header(headers['x-signature']), 'base64'));
    response.writeHead(holds ? 200 : 401, { 'content-type': 'application/json', 'content-length': answer.length });
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  writeLine(JSON.stringify({ port: typeof address === 'object' ? address?.port : 0 }));
});
