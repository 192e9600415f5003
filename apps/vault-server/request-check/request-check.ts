/**
 * Who makes a request, proven: shape → address lockout → identity → clock window → signature (DESIGN §4). What comes
 * after (nonce, state, grant, audit) belongs to the store's operations, in one transaction with what is asked for.
 * A locked address is refused before any key is looked up, but for identities that proved themselves lately, from wherever:
 * whether one did is at most one read of the store, by its id.
 *
 * Machines and operators are looked up in tables of their own; a route names the one class it accepts. Failures of
 * known and unknown identities take the same steps and say the same words.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { clockWindowSeconds, identityHeader, operatorHeader } from '@sikkerkey/protocol/signing.ts';
import { canonicalIdentity, type MachineCaller, type OperatorCaller } from '../storage/records.ts';
import type { VaultParts } from '../vault-parts.ts';
import { AddressLockout } from './address-lockout.ts';
import { RecentProofs } from './recent-proofs.ts';
import { readSignedHeaders, type SignedHeaders } from './signed-headers.ts';
import { keepForUnheard } from './unheard-readers.ts';
import { SignatureVerifier } from './verify-signature.ts';

export interface ReceivedRequest {
  readonly method: string;
  /** The request target as received: path and nothing else, once the shape holds. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** The exact bytes received. */
  readonly body: Uint8Array;
  /** `lockoutAddress` of the peer. */
  readonly address: string;
}

type Parts = Pick<VaultParts, 'storage' | 'clock' | 'log' | 'settings'>;
type FindKey = (id: string) => Promise<Buffer | null>;

type Kind = 'machine' | 'operator';

const headerOf = { machine: identityHeader, operator: operatorHeader } as const satisfies Readonly<Record<Kind, string>>;
const identitiesKept = 20_000;
/** Who asks here signs by its own clock; our clients learn the vault's time from its first refusal. */
const publishedPaths = '/v1/';

export class RequestCheck {
  readonly #parts: Parts;
  readonly #lockout: AddressLockout;
  readonly #proofs: RecentProofs;
  readonly #verifier = new SignatureVerifier();
  readonly #machineKeys = new Map<string, Buffer>();
  readonly #operatorKeys = new Map<string, Buffer>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#lockout = new AddressLockout(parts);
    this.#proofs = new RecentProofs(parts.clock);
  }

  /** The machine that signed this request. Throws the catalogue's refusals. */
  async machine(request: ReceivedRequest): Promise<MachineCaller> {
    const find: FindKey = async (id) => keyOf(await this.#parts.storage.machineByIdentity(id));
    return { kind: 'machine', ...(await this.#prove(request, 'machine', this.#machineKeys, find)) };
  }

  /** The operator who signed this request. Throws the catalogue's refusals. */
  async operator(request: ReceivedRequest): Promise<OperatorCaller> {
    const find: FindKey = async (id) => keyOf(await this.#parts.storage.operatorByIdentity(id));
    return { kind: 'operator', ...(await this.#prove(request, 'operator', this.#operatorKeys, find)) };
  }

  /** For requests that carry another proof than a signature (enrollment): the lockout alone. */
  async admitUnsigned(address: string): Promise<void> {
    const locked = await this.#lockout.refusalOf(address);
    if (locked !== null) throw locked;
  }

  /** Counts a failed proof that this class cannot see (enrollment token). */
  async recordFailure(address: string): Promise<void> {
    await this.#lockout.recordFailure(address);
  }

  async #prove(request: ReceivedRequest, kind: Kind, keys: Map<string, Buffer>, find: FindKey): Promise<Omit<MachineCaller, 'kind'>> {
    const headers = readShape(request, headerOf[kind]);
    const id = canonicalIdentity(headers.identity);
    const prover = `${kind}:${id}`;
    const locked = await this.#lockout.refusalOf(request.address);
    if (locked !== null && !(await this.#isAdmittedAllTheSame(request.address, kind, id))) throw locked;
    const cached = keys.get(id);
    const publicKey = cached ?? (await find(id));
    const now = this.#parts.clock.now();
    const { method, target: path, body } = request;
    const holds = this.#verifier.verify({ ...headers, method, path, body }, publicKey);
    // A known identity would otherwise be told from an unknown one by the look-up that its kept key spares.
    const isOutside = isOutsideWindow(now, headers.timestampSeconds);
    if ((isOutside || !holds) && cached !== undefined) await find(id);
    if (holds) {
      this.#proofs.proven(request.address, prover);
      if (cached === undefined && publicKey !== null) keep(keys, id, publicKey);
    } else if (locked !== null) {
      this.#proofs.failed(request.address, prover);
      throw locked;
    }
    if (isOutside) {
      // The time is judged first, whatever the signature; whose it is matters only to what he holds.
      if (holds && kind === 'machine' && path.startsWith(publishedPaths)) {
        await keepForUnheard(this.#parts, id, headers.timestampSeconds * 1000);
      }
      throw new CatalogueError('clock-outside-window', { windowSeconds: clockWindowSeconds });
    }
    if (!holds) {
      await this.#lockout.recordFailure(request.address);
      throw new CatalogueError('not-authenticated', {});
    }
    return { id, nonce: headers.nonce, signedAt: headers.timestampSeconds * 1000, now, address: request.address };
  }

  async #isAdmittedAllTheSame(address: string, kind: Kind, id: string): Promise<boolean> {
    const { storage, clock } = this.#parts;
    const prover = `${kind}:${id}`;
    if (!this.#proofs.knows(address, prover)) {
      const now = clock.now();
      const seenAt = await storage.lastSeenAt({ kind, id, now });
      if (seenAt === null) return false;
      this.#proofs.recall(address, prover, now - seenAt);
    }
    return this.#proofs.admits(address, prover);
  }
}

function isOutsideWindow(now: number, signedAtSeconds: number): boolean {
  return Math.abs(Math.floor(now / 1000) - signedAtSeconds) > clockWindowSeconds;
}

/** Shape alone. A target with a query, a fragment or an escape is not one that any client signs (wire-runtime §1.3). */
function readShape(request: ReceivedRequest, header: string): SignedHeaders {
  refuseOddTarget(request.target);
  const reading = readSignedHeaders(request.headers, header);
  if (reading.kind === 'absent') throw new CatalogueError('not-authenticated', {});
  if (reading.kind === 'malformed') throw new CatalogueError('request-malformed', { part: reading.header });
  return reading.headers;
}

export function refuseOddTarget(target: string): void {
  if (!/^\/[A-Za-z0-9/_.-]*$/.test(target)) throw new CatalogueError('request-malformed', { part: 'target' });
}

function keep(keys: Map<string, Buffer>, id: string, publicKey: Buffer): void {
  if (keys.size >= identitiesKept) {
    const [oldest] = keys.keys();
    if (oldest !== undefined) keys.delete(oldest);
  }
  keys.set(id, publicKey);
}

const keyOf = (identity: { readonly publicKey: Uint8Array } | null): Buffer | null =>
  identity === null ? null : Buffer.from(identity.publicKey);
