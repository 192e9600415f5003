/**
 * What a secret's value is made of: text for a plain one, a JSON object of strings for a structured or managed one
 * (wire-runtime §2.2, §8.8). Pure but for the randomness that is passed in.
 */
import { generatePassword, type PasswordCharset } from '@sikkerkey/core/generate-password.ts';
import type { Random } from '@sikkerkey/core/random.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { NewManagedVersion } from '../storage/records.ts';

/** What an operator gives for an ordinary secret: a value, or fields, or nothing but how to generate one. */
export interface OrdinaryValue {
  readonly value?: string | undefined;
  readonly fields?: Readonly<Record<string, string>> | undefined;
  readonly length?: number | undefined;
  readonly charset?: PasswordCharset | undefined;
}

export interface MadeValue {
  readonly value: SecretText;
  /** Null for a plain secret. */
  readonly fieldNames: readonly string[] | null;
}

/** Bytes of UTF-8 of one value. */
const valueLimitBytes = 65_536;

/** Throws `request-field-invalid` for a value and fields at once, fields without one, or a value that cannot be kept as it is. */
export function ordinaryValue(given: OrdinaryValue, random: Random): MadeValue {
  if (given.value !== undefined && given.fields !== undefined) throw invalid('fields');
  if (given.value !== undefined) return { value: storable(given.value, 'value'), fieldNames: null };
  if (given.fields !== undefined) {
    const fieldNames = Object.keys(given.fields);
    const isWhole = Object.values(given.fields).every((value) => value.isWellFormed());
    if (fieldNames.length === 0 || !isWhole) throw invalid('fields');
    return { value: storable(JSON.stringify(given.fields), 'fields'), fieldNames };
  }
  const { charset = 'symbols', length } = given;
  return { value: generatePassword(length === undefined ? { charset } : { charset, length }, random), fieldNames: null };
}

/** Half of a surrogate pair has no bytes in UTF-8: it would come back as something else. */
function storable(text: string, field: string): SecretText {
  if (!text.isWellFormed() || Buffer.byteLength(text, 'utf8') > valueLimitBytes) throw invalid(field);
  return new SecretText(text);
}

function invalid(field: string): CatalogueError {
  return new CatalogueError('request-field-invalid', { field });
}

export const managedFieldNames: readonly string[] = ['host', 'port', 'database', 'username', 'password'];

/** The whole value of a managed secret's version; every field is a string. */
export function managedValue(login: Omit<NewManagedVersion, 'slot' | 'passwordLength'>, password: SecretText): SecretText {
  const { host, port, database, username } = login;
  return new SecretText(JSON.stringify({ host, port: String(port), database, username, password: password.reveal() }));
}

/** The password inside a managed secret's value. Throws `sealed-value-damaged` where there is none. */
export function passwordOf(value: SecretText): string {
  const fields: unknown = JSON.parse(value.reveal());
  const password: unknown = typeof fields === 'object' && fields !== null ? Reflect.get(fields, 'password') : undefined;
  if (typeof password !== 'string') throw new CatalogueError('sealed-value-damaged', { part: 'password' });
  return password;
}
