/** Listens to a vault's event stream in a test, and waits for what it expects to hear. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { type VaultEvent, vaultEvent } from '@sikkerkey/protocol/vault/machine.ts';
import { type Identity, signedHeaders } from './signed-request.ts';

export interface EventListener {
  /** Everything heard so far; each event was checked against the protocol's schema. */
  readonly heard: readonly VaultEvent[];
  /** The first event, heard or to come, that fits. Rejects when the stream ends before. */
  next(fits: (event: VaultEvent) => boolean): Promise<VaultEvent>;
  /** Resolves when the vault ended the stream. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Resolves once the vault answers; rejects with the status when it refuses. */
export async function listenToEvents(baseUrl: string, identity: Identity, cursor: string | null): Promise<EventListener> {
  const body = JSON.stringify({ cursor });
  const { hostname, port } = new URL(baseUrl);
  const headers = { ...signedHeaders(identity, 'POST', '/v2/events', body), 'content-length': String(body.length) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = httpRequest({ hostname, port, method: 'POST', path: '/v2/events', headers, agent: false }, resolve);
    sent.on('error', reject);
    sent.end(body);
  });
  if (response.statusCode !== 200) {
    response.resume();
    throw new Error(`events: ${response.statusCode}`);
  }
  return listenerOf(response);
}

function listenerOf(response: IncomingMessage): EventListener {
  const heard: VaultEvent[] = [];
  const checks = new Set<() => void>();
  let over = false;
  const ended = new Promise<void>((resolve) => {
    response.once('close', () => {
      over = true;
      resolve();
      for (const check of checks) check();
    });
  });
  response.on('error', () => undefined);
  createInterface({ input: response }).on('line', (line) => {
    heard.push(vaultEvent.parse(JSON.parse(line)));
    for (const check of checks) check();
  });
  return {
    heard,
    ended,
    close: () => response.destroy(),
    next: (fits) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = heard.find(fits);
          if (found === undefined && !over) return;
          checks.delete(check);
          if (found === undefined) reject(new Error(`the stream ended after ${JSON.stringify(heard)}`));
          else resolve(found);
        };
        checks.add(check);
        check();
      }),
  };
}
