/** Secret bytes that cannot print themselves, the sibling of SecretText. Each `reveal` is a copy. */
const shown = '[secret]';
const inspectSymbol: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

export class SecretBytes {
  readonly #value: Uint8Array;

  constructor(value: Uint8Array) {
    this.#value = value.slice();
  }

  /** A copy of the bytes. Call it only where they leave for the place that needs them. */
  reveal(): Uint8Array {
    return this.#value.slice();
  }

  get length(): number {
    return this.#value.length;
  }

  toString(): string {
    return shown;
  }

  toJSON(): string {
    return shown;
  }

  [inspectSymbol](): string {
    return shown;
  }
}
