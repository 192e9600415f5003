/**
 * Frames of the local API: `Content-Length: N`, an empty line, N bytes of UTF-8 JSON (the form of vscode-jsonrpc). Pure
 * and shared by both ends. The size is checked before anything is kept or parsed; the first fault ends the decoder.
 */
export type FramingFault = 'too-large' | 'bad-header' | 'not-utf8' | 'not-json';

/** The peer sent what is not a frame; close the connection, nothing after it can be trusted. */
export class FramingError extends Error {
  readonly fault: FramingFault;

  constructor(fault: FramingFault, options?: { readonly cause?: unknown }) {
    super(`framing: ${fault}`, options);
    this.name = 'FramingError';
    this.fault = fault;
  }
}

/** Bytes that a header may have: one length and, tolerated, one content type. */
const maxHeaderBytes = 256;
const headerEnd = [13, 10, 13, 10] as const;

/** The bytes of one message. */
export function encodeFrame(message: unknown): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(message));
  const header = new TextEncoder().encode(`Content-Length: ${body.byteLength}\r\n\r\n`);
  const frame = new Uint8Array(header.byteLength + body.byteLength);
  frame.set(header);
  frame.set(body, header.byteLength);
  return frame;
}

/** Turns chunks, cut anywhere, into messages. `maxBodyBytes`: the largest body that this end accepts. */
export class FrameDecoder {
  readonly #maxBodyBytes: number;
  #chunks: Uint8Array[] = [];
  #buffered = 0;
  /** Length of the body that is awaited; null while the header is. */
  #bodyBytes: number | null = null;
  #failed = false;

  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Messages completed by this chunk, parsed. Throws FramingError, also on every later call. */
  push(chunk: Uint8Array): readonly unknown[] {
    if (this.#failed) throw new FramingError('bad-header');
    try {
      return this.#decode(chunk);
    } catch (error) {
      this.#failed = true;
      this.#chunks = [];
      this.#buffered = 0;
      throw error;
    }
  }

  #decode(chunk: Uint8Array): readonly unknown[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.byteLength;
    const messages: unknown[] = [];
    for (;;) {
      if (this.#bodyBytes === null && !this.#readHeader()) return messages;
      const wanted = this.#bodyBytes;
      if (wanted === null || this.#buffered < wanted) return messages;
      messages.push(parseBody(this.#take(wanted)));
      this.#bodyBytes = null;
    }
  }

  /** True once the header is complete and its length is allowed. */
  #readHeader(): boolean {
    const bytes = this.#joined();
    const end = indexOfHeaderEnd(bytes);
    if (end < 0) {
      if (bytes.byteLength > maxHeaderBytes) throw new FramingError('bad-header');
      return false;
    }
    const length = contentLength(bytes.subarray(0, end));
    if (length > this.#maxBodyBytes) throw new FramingError('too-large');
    this.#take(end + headerEnd.length);
    this.#bodyBytes = length;
    return true;
  }

  #joined(): Uint8Array {
    const [only] = this.#chunks;
    if (this.#chunks.length === 1 && only !== undefined) return only;
    const joined = new Uint8Array(this.#buffered);
    let offset = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, offset);
      offset += chunk.byteLength;
    }
    this.#chunks = [joined];
    return joined;
  }

  #take(length: number): Uint8Array {
    const all = this.#joined();
    const rest = all.subarray(length);
    this.#chunks = rest.byteLength === 0 ? [] : [rest];
    this.#buffered = rest.byteLength;
    return all.subarray(0, length);
  }
}

function indexOfHeaderEnd(bytes: Uint8Array): number {
  const last = Math.min(bytes.byteLength, maxHeaderBytes + headerEnd.length) - headerEnd.length;
  for (let at = 0; at <= last; at += 1) {
    if (headerEnd.every((byte, offset) => bytes[at + offset] === byte)) return at;
  }
  return -1;
}

function contentLength(header: Uint8Array): number {
  const lines = String.fromCharCode(...header).split('\r\n');
  const values = lines.flatMap((line) => {
    const match = /^content-length:[ \t]*([0-9]{1,10})[ \t]*$/i.exec(line);
    if (match?.[1] !== undefined) return [Number(match[1])];
    if (/^content-type:[ \t]*[\x20-\x7e]*$/i.test(line)) return [];
    throw new FramingError('bad-header');
  });
  const [value] = values;
  if (values.length !== 1 || value === undefined) throw new FramingError('bad-header');
  return value;
}

function parseBody(body: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new FramingError('not-utf8', { cause });
  }
  const parsed = jsonOf(text);
  if (parsed === undefined) throw new FramingError('not-json');
  return parsed;
}

/** Undefined for what is no JSON; the parser's own error quotes the text, which may hold a secret, and is dropped. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
