/**
 * A secret that cannot print itself: string conversion, JSON and inspection show a placeholder, so a log line or an
 * error that happens to hold one stays clean. `reveal` is the one way to the value and is easy to search for.
 */
const shown = '[secret]';
const inspectSymbol: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

export class SecretText {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it only where the value leaves for the place that needs it. */
  reveal(): string {
    return this.#value;
  }

  equals(other: SecretText): boolean {
    return this.#value === other.#value;
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
