/**
 * Reads a JSON body against its schema. A refusal names the field, never its value.
 *
 * Shape comes first in the order of checks (DESIGN §4) and the nonce only with the store's transaction: a signed request
 * with a body of the wrong shape is refused with 400 each time that it is sent, replayed or not, and spends no nonce.
 * That tells a replayer nothing: the sender could see the body, and nothing was done with it.
 */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { hasRepeatedName } from '@sikkerkey/protocol/repeated-names.ts';
import type * as z from 'zod';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Throws `request-malformed` for what is no JSON in UTF-8 or has a name twice in one object, `request-field-invalid` for the first field that is wrong. */
export function readBody<Output>(schema: z.ZodType<Output>, body: Uint8Array): Output {
  const result = schema.safeParse(parseJson(body));
  if (result.success) return result.data;
  throw new CatalogueError('request-field-invalid', { field: fieldOf(result.error.issues[0]) });
}

function parseJson(body: Uint8Array): unknown {
  const { parsed, isRepeating } = parse(body);
  if (isRepeating) throw new CatalogueError('request-malformed', { part: 'repeated name' });
  return parsed;
}

function parse(body: Uint8Array): { readonly parsed: unknown; readonly isRepeating: boolean } {
  try {
    const text = utf8.decode(body);
    const parsed: unknown = JSON.parse(text);
    return { parsed, isRepeating: hasRepeatedName(text, parsed) };
  } catch (cause) {
    throw malformedBody(cause);
  }
}

function malformedBody(cause: unknown): CatalogueError {
  return new CatalogueError('request-malformed', { part: 'body' }, { cause });
}

/** The path to the field, or the name of the key that has no business there, as long as it is a plain word. */
function fieldOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'body';
  const extra = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const path = [...issue.path, ...extra].map(String);
  if (path.length === 0) return 'body';
  return path.map((part) => (/^[A-Za-z0-9_-]{1,64}$/.test(part) ? part : '?')).join('.');
}
