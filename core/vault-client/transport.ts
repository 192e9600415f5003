/**
 * What the vault client needs from the network, and no more: one exchange, or one stream. Implementations own
 * connections, TLS, deadlines and the size limit; they never follow redirects and never retry.
 */
export interface VaultRequest {
  readonly method: 'GET' | 'POST';
  /** Absolute path beginning at `/v1/` or `/v2/`, as signed. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Exact bytes; null for a request without a body. */
  readonly body: Uint8Array | null;
  /** From the call to the last byte of the answer; for a stream, to its headers. */
  readonly timeoutMs: number;
  /** Larger answers fail with `answer-too-large`. */
  readonly maxAnswerBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** Header names are lower case. */
export type AnswerHeaders = Readonly<Record<string, string | undefined>>;

export interface VaultResponse {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: Uint8Array;
}

export interface VaultStream {
  readonly status: number;
  readonly headers: AnswerHeaders;
  /** Ends or throws when the connection ends; stop reading to close it. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

export type TransportFault = 'connect-failed' | 'connection-lost' | 'timeout' | 'tls-untrusted' | 'answer-too-large' | 'cancelled';

/** No usable answer came. The request may or may not have been carried out. */
export class TransportFailure extends Error {
  readonly fault: TransportFault;

  constructor(fault: TransportFault, options?: { readonly cause?: unknown }) {
    super(`vault transport: ${fault}`, options);
    this.name = 'TransportFailure';
    this.fault = fault;
  }
}

/** Every method throws TransportFailure. One transport serves one base URL. */
export interface VaultTransport {
  request(request: VaultRequest): Promise<VaultResponse>;
  stream(request: VaultRequest): Promise<VaultStream>;
  close(): Promise<void>;
}
