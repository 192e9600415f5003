/**
 * Replaces the exact secret values that are in flight wherever they occur in text that came from elsewhere (a driver, a
 * server, the network), also in the escaped forms that such text takes. A filter of last resort: such text is not forwarded anyway.
 */
import type { SecretText } from './secret-text.ts';

export const redactedMark = '[redacted]';
/** Shorter values would blank ordinary words and tell an attacker where they were. */
const leastLength = 4;

/** Longest values first, so that a value that contains another leaves no rest behind. */
export function redactKnownValues(text: string, secrets: Iterable<SecretText>): string {
  const values = new Set<string>();
  for (const secret of secrets) for (const form of forms(secret.reveal())) values.add(form);
  const longestFirst = [...values].sort((left, right) => right.length - left.length);
  return longestFirst.reduce((clean, value) => clean.replaceAll(value, () => redactedMark), text);
}

/** The value, and how JSON, URLs, base64, hex and SQL literals write it. */
function forms(value: string): string[] {
  if (value.length < leastLength) return [];
  const bytes = Buffer.from(value, 'utf8');
  return [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value.toWellFormed()),
    value.replaceAll("'", "''"),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ];
}
