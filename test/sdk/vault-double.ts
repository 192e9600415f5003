/**
 * A vault for the SDK's tests: real sockets, real signatures (verified by node:crypto), scripted answers. Keeps what a
 * test wants to know of: reads, acknowledgements, ended instances. It stands for the wire, not for the vault's rules.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSigningKey } from '@sikkerkey/core/identity/signing-key.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { signedPayload } from '@sikkerkey/protocol/signing.ts';

export interface HeldVersion {
  readonly secretId: string;
  readonly instance: string;
  readonly pool: string;
  readonly version: number;
}

export interface Scripted {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Close the connection instead of answering. */
  readonly hangUp?: boolean;
}

export class VaultDouble {
  readonly identityPath: string;
  readonly secrets = new Map<string, { version: number; value: string }>();
  readonly reads: HeldVersion[] = [];
  readonly acknowledgements: HeldVersion[] = [];
  readonly endedInstances: string[] = [];
  readonly nonces: string[] = [];
  readonly paths: string[] = [];
  /** Taken one by one before the ordinary answers, per path. */
  readonly script = new Map<string, Scripted[]>();
  /** Changes that `/v1/secrets/poll` will tell. */
  readonly publishedChanges = new Map<string, string>();
  speaksV2 = true;
  pushes = true;
  /** Called before a read is answered, with its number; a test delays answers with it. */
  onRead: (count: number) => Promise<void> = async () => undefined;
  readonly #directory: string;
  readonly #publicKey: string;
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  readonly #streams = new Set<ServerResponse>();
  #cursor = 0;

  private constructor(directory: string, publicKey: string) {
    this.#directory = directory;
    this.#publicKey = publicKey;
    this.identityPath = join(directory, 'identity.json');
  }

  static async start(): Promise<VaultDouble> {
    const directory = await mkdtemp(join(tmpdir(), 'sk-double-'));
    const key = generateSigningKey(systemRandom);
    const double = new VaultDouble(directory, key.publicKeyBase64);
    await new Promise<void>((resolve) => double.#server.listen(0, '127.0.0.1', resolve));
    await writeFile(join(directory, 'private.pem'), key.toPem().reveal(), { mode: 0o600 });
    const identity = { machineId: 'm_1', machineName: 'test', vaultId: 'vault_double', apiUrl: double.url, privateKeyPath: 'private.pem' };
    await writeFile(double.identityPath, JSON.stringify(identity), { mode: 0o600 });
    return double;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  async stop(): Promise<void> {
    this.dropStreams();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#directory, { recursive: true });
  }

  /** A newer version becomes live; listeners are told unless `pushes` is off. */
  promote(secretId: string, value: string): void {
    const version = (this.secrets.get(secretId)?.version ?? 0) + 1;
    this.secrets.set(secretId, { version, value });
    this.push({ kind: 'secret-changed', secretId, version });
  }

  push(event: Record<string, unknown>): void {
    this.#cursor += 1;
    for (const stream of this.#streams) stream.write(`${JSON.stringify({ ...event, cursor: String(this.#cursor) })}\n`);
  }

  /** Answers that are under way are lost. */
  hangUpAll(): void {
    this.#server.closeAllConnections();
  }

  /** Ends the streams in order, as a vault does that is sealed or stops. */
  endStreams(): void {
    for (const stream of this.#streams) stream.end();
  }

  dropStreams(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    this.paths.push(path);
    const scripted = this.script.get(path)?.shift();
    if (scripted?.hangUp === true) {
      request.socket.destroy();
      return;
    }
    if (scripted !== undefined) return send(response, scripted);
    if (path === '/v2/capabilities') return send(response, this.#capabilities());
    if (!this.#isSigned(request, path, body)) return send(response, { status: 401, body: { error: 'bad signature' } });
    if (path === '/v2/events') return this.#openStream(response);
    send(response, await this.#answer(path, body.length === 0 ? {} : JSON.parse(body.toString('utf8'))));
  }

  #capabilities(): Scripted {
    if (!this.speaksV2) return { status: 404, body: { error: 'not found' } };
    return { status: 200, body: { product: 'sikkerkey-vault', version: '0', vaultId: 'vault_double', sealed: false, features: [] } };
  }

  #isSigned(request: IncomingMessage, path: string, body: Buffer): boolean {
    const header = (name: string): string => String(request.headers[name] ?? '');
    const nonce = header('x-nonce');
    if (header('x-machine-id') !== 'm_1' || nonce === '' || this.nonces.includes(nonce)) return false;
    const bodySha256 = createHash('sha256').update(body).digest('hex');
    const payload = signedPayload({ method: request.method ?? '', path, timestamp: header('x-timestamp'), nonce, bodySha256 });
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(this.#publicKey, 'base64').toString('base64url') },
      format: 'jwk',
    });
    this.nonces.push(nonce);
    return verify(null, Buffer.from(payload), key, Buffer.from(header('x-signature'), 'base64'));
  }

  #openStream(response: ServerResponse): void {
    if (!this.pushes) {
      send(response, { status: 503, body: { error: { code: 'vault-sealed', details: {} } } });
      return;
    }
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
    response.write(`${JSON.stringify({ kind: 'hello', cursor: String(this.#cursor), serverTime: 0 })}\n`);
  }

  async #answer(path: string, body: Record<string, unknown>): Promise<Scripted> {
    const read = /^\/v1\/secret\/(.+)$/.exec(path)?.[1];
    if (read !== undefined) return this.#readPublished(read);
    switch (path) {
      case '/v2/secrets/read':
        return this.#read(body as Omit<HeldVersion, 'version'>);
      case '/v2/secrets/versions':
        return { status: 200, body: { versions: (body['secrets'] as string[]).map((secretId) => this.#versionOf(secretId)) } };
      case '/v2/secrets/acknowledge':
        this.acknowledgements.push(body as unknown as HeldVersion);
        return { status: 200, body: {} };
      case '/v2/instances/end':
        this.endedInstances.push(String(body['instance']));
        return { status: 200, body: {} };
      case '/v1/secrets/poll': {
        const changes = Object.fromEntries([...this.publishedChanges].map(([secretId, status]) => [secretId, { status }]));
        this.publishedChanges.clear();
        return { status: 200, body: { changes } };
      }
      default:
        return { status: 404, body: { error: 'no such route' }, headers: { 'x-sikkerkey-error': 'secret-not-found' } };
    }
  }

  async #read(hold: Omit<HeldVersion, 'version'>): Promise<Scripted> {
    const secret = this.secrets.get(hold.secretId);
    if (secret === undefined) return { status: 404, body: { error: { code: 'secret-not-found', details: {} } } };
    this.reads.push({ ...hold, version: secret.version });
    await this.onRead(this.reads.length);
    return { status: 200, body: { secretId: hold.secretId, name: hold.secretId, ...secret, fieldNames: null } };
  }

  async #readPublished(secretId: string): Promise<Scripted> {
    const secret = this.secrets.get(secretId);
    return secret === undefined ? { status: 404, body: { error: 'secret not found' } } : { status: 200, body: { value: secret.value } };
  }

  #versionOf(secretId: string): Record<string, unknown> {
    const version = this.secrets.get(secretId)?.version;
    return version === undefined ? { secretId, status: 'deleted', version: null } : { secretId, status: 'ok', version };
  }
}

function send(response: ServerResponse, { status, body, headers }: Scripted): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body ?? {}));
}
