/**
 * Secrets with fields, and their flat form for environments (wire-runtime §4.6). A field is text; numbers and booleans
 * are shown as JSON does, and a value that nests has no fields at all rather than a half of them.
 */
import { SecretStructureError } from './errors.ts';

export type Fields = Readonly<Record<string, string>>;

/** The fields of a value, or null where it has none. */
export function fieldsOf(value: string): Fields | null {
  const parsed = parsedJson(value);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
  const entries = Object.entries(parsed);
  if (entries.some(([, field]) => typeof field === 'object' && field !== null)) return null;
  return Object.fromEntries(entries.map(([name, field]) => [name, String(field)]));
}

/** As `fieldsOf`. Throws SecretStructureError where there are none. */
export function requiredFieldsOf(secretId: string, value: string): Fields {
  const fields = fieldsOf(value);
  if (fields === null) throw new SecretStructureError(`secret ${secretId} is not a JSON object with plain values`);
  return fields;
}

/** Upper case, every run of other characters one underscore, none at the ends; as the published TypeScript client. */
export function environmentName(name: string): string {
  return name
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
}

export interface NamedValue {
  readonly name: string;
  readonly value: string;
  readonly fieldNames: string | null;
}

/** `NAME` for a plain secret, `NAME_FIELD` for each field of a structured one; of equal names the last one stays. */
export function flattened(secrets: readonly NamedValue[]): Record<string, string> {
  const entries = secrets.flatMap(({ name, value, fieldNames }): [string, string][] => {
    const fields = fieldNames === null ? null : fieldsOf(value);
    if (fields === null) return [[environmentName(name), value]];
    return Object.entries(fields).map(([field, text]) => [`${environmentName(name)}_${environmentName(field)}`, text]);
  });
  return Object.fromEntries(entries);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
