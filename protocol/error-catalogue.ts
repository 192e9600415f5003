/**
 * Every expected failure of the product, once: what happened, what still works, who must act, whether trying again
 * helps, and the command that mends it. Front ends only format these; a test runs every remedy.
 * The entries live beside each other by the part that meets them (`errors/`).
 */
import { cliErrors } from './errors/cli.ts';
import { daemonErrors } from './errors/daemon.ts';
import { engineErrors } from './errors/engine.ts';
import { rotationErrors } from './errors/rotation.ts';
import { vaultErrors } from './errors/vault.ts';
import { vaultProgramErrors } from './errors/vault-program.ts';

export const errorCatalogue = {
  ...vaultErrors,
  ...vaultProgramErrors,
  ...daemonErrors,
  ...rotationErrors,
  ...engineErrors,
  ...cliErrors,
} as const;

export type ErrorCode = keyof typeof errorCatalogue;
/** The names of the facts that a code carries, from the entry's `details`; for several codes, those of any one of them. */
export type DetailsOf<Code extends ErrorCode> = Code extends ErrorCode
  ? { readonly [Name in (typeof errorCatalogue)[Code]['details'][number]]: string | number }
  : never;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCatalogue, text);
}
