/** New secret values: unbiased, from cryptographic bytes only. Pure over the Random that is passed in. */
import type { Random } from './random.ts';
import { SecretText } from './secret-text.ts';

/** `managed` is the alphabet of managed secrets: safe unescaped in URLs, connection strings, shells and SQL literals. */
export type PasswordCharset = 'symbols' | 'alphanumeric' | 'numbers' | 'uuid' | 'managed';

export const defaultPasswordLength = 32;
export const minPasswordLength = 1;
export const maxPasswordLength = 1024;
/** A managed secret's password is never shorter (DESIGN §5). */
export const minManagedPasswordLength = 20;

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const digits = '0123456789';
const alphabets: Readonly<Record<Exclude<PasswordCharset, 'uuid'>, string>> = {
  symbols: `${letters}${digits}!#$%&()*+,-./:;<=>?@[]^_{|}~`,
  alphanumeric: `${letters}${digits}`,
  numbers: digits,
  managed: `${letters}${digits}_.~-`,
};

export interface PasswordRequest {
  readonly charset: PasswordCharset;
  /** In characters; not looked at for `uuid`, which always has 36. */
  readonly length?: number;
}

/** Throws RangeError for a length outside 1 to 1024, or below 20 for `managed`. */
export function generatePassword(request: PasswordRequest, random: Random): SecretText {
  if (request.charset === 'uuid') return new SecretText(uuid(random));
  const length = request.length ?? defaultPasswordLength;
  const least = request.charset === 'managed' ? minManagedPasswordLength : minPasswordLength;
  if (!Number.isInteger(length) || length < least || length > maxPasswordLength) {
    throw new RangeError(`a ${request.charset} password has ${least} to ${maxPasswordLength} characters`);
  }
  return new SecretText(characters(alphabets[request.charset], length, random));
}

/** Bytes that would favour the first characters of the alphabet are thrown away, so that each is equally likely. */
function characters(alphabet: string, length: number, random: Random): string {
  const limit = 256 - (256 % alphabet.length);
  let text = '';
  while (text.length < length) {
    for (const byte of random.bytes(length - text.length)) {
      if (byte < limit) text += alphabet.charAt(byte % alphabet.length);
    }
  }
  return text;
}

/** Version 4, RFC 9562 §5.4. */
function uuid(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
