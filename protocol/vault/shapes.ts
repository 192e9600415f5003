/** Building blocks of the vault's /v2 schemas. */
import * as z from 'zod';
import { identifierSource } from '../identifiers.ts';

export const identifier = z.string().regex(new RegExp(identifierSource));
export const versionNumber = z.int().min(1);
export const epochNumber = z.int().min(1);
/** Milliseconds since the Unix epoch, by the vault's clock. */
export const instant = z.int().min(0);
export const durationMs = z.int().min(0);
/** A reader's name for one of its pools; free text for people, bounded. */
export const poolName = z.string().min(1).max(64);
export const displayName = z.string().min(1).max(128);

export const strategy = z.enum(['flip', 'single']);
export const slot = z.enum(['owner', 'a', 'b']);
export const versionRef = z.strictObject({ version: versionNumber, slot });
export const versions = z.strictObject({
  live: versionRef,
  pending: versionRef.nullable(),
  previous: versionRef.nullable(),
});
export const provider = z.enum(['postgresql']);
/** `disable` sends the administrator's session in clear and is shown in every view. */
export const tlsMode = z.enum(['verify-full', 'verify-ca', 'require', 'disable']);
/** Value of a secret: at most 64 KiB of UTF-8. */
export const secretValue = z.string().max(65_536);

function isWholeRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Object.hasOwn(value, '__proto__');
}

/** The fields of a structured secret. A record drops `__proto__` without a word; a field that would vanish is refused instead. */
export const secretFields = z
  .custom<Readonly<Record<string, unknown>>>(isWholeRecord)
  .pipe(z.record(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/), secretValue));
