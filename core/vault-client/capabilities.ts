/** What a vault says of itself, unsigned: whether it speaks /v2, which vault it is, whether it is sealed. */
import type { Capabilities } from '@sikkerkey/protocol/vault/machine.ts';
import type { CallOptions } from './call-options.ts';
import { isObject, refusalOf } from './refusal.ts';
import type { VaultResponse, VaultTransport } from './transport.ts';

export const capabilitiesPath = '/v2/capabilities';

/** Which protocol a vault speaks, as far as one answer tells. */
export type SpokenProtocol =
  | { readonly kind: 'v2'; readonly capabilities: Capabilities }
  /** An API that has no such route: the published protocol only. */
  | { readonly kind: 'published' }
  /** Something else answered (a redirect, a page, a refusal): it says nothing of the vault; ask again later. */
  | { readonly kind: 'unknown'; readonly status: number };

/** Throws VaultRefusal (temporary ones) or TransportFailure: no answer is no conclusion either. */
export async function readSpokenProtocol(transport: VaultTransport, options: CallOptions = {}): Promise<SpokenProtocol> {
  const response = await transport.request({
    method: 'GET',
    path: capabilitiesPath,
    headers: {},
    body: null,
    timeoutMs: options.timeoutMs ?? 10_000,
    maxAnswerBytes: 65_536,
    signal: options.signal,
  });
  if (response.status === 200) {
    const capabilities = capabilitiesOf(response.body);
    return capabilities === null ? { kind: 'unknown', status: 200 } : { kind: 'v2', capabilities };
  }
  const refusal = refusalOf(response);
  if (refusal.temporary) throw refusal;
  return isMissingRoute(response) ? { kind: 'published' } : { kind: 'unknown', status: response.status };
}

/** A 404 of an API, with no body or `{"error": "…"}`; neither a page of something in between nor a refusal of ours. */
function isMissingRoute({ status, headers, body }: Pick<VaultResponse, 'status' | 'headers' | 'body'>): boolean {
  if (status !== 404) return false;
  if (body.byteLength === 0) return headers['content-type']?.startsWith('text/html') !== true;
  const parsed = jsonOf(body);
  return isObject(parsed) && !isObject(parsed['error']);
}

function capabilitiesOf(body: Uint8Array): Capabilities | null {
  const parsed = jsonOf(body);
  if (!isObject(parsed) || parsed['product'] !== 'sikkerkey-vault') return null;
  const { version, vaultId, sealed, features } = parsed;
  if (typeof version !== 'string' || typeof sealed !== 'boolean' || !Array.isArray(features)) return null;
  return {
    product: 'sikkerkey-vault',
    version,
    vaultId: typeof vaultId === 'string' ? vaultId : null,
    sealed,
    features: features.filter((feature): feature is string => typeof feature === 'string'),
  };
}

/** Null for what is no JSON: some other server answers at this address. */
function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return null;
  }
}
