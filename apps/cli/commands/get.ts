/** `get`: a secret or one of its fields on stdout, read from the vault by the SDK; the one command that prints a value. */
import type { SikkerKey } from '@sikkerkey/sdk/index.ts';
import type { Command } from '../command.ts';
import { withSdk } from '../read-secrets.ts';

const leastHeldForMs = 1000;

export const get: Command = {
  positionals: [
    { name: 'secret', help: 'id of the secret', required: true },
    { name: 'field', help: 'one field of a structured secret', required: false },
  ],
  options: {
    output: { type: 'text', short: 'o', placeholder: 'plain|json', help: 'plain (default) or json', choices: ['plain', 'json'] },
    'held-for': { type: 'duration', placeholder: 'span', help: 'how long the printed value is in use: 30s, 10m (default: not known)' },
  },
  details: [
    'What is printed may be in use: once a rotation has replaced it, the old password is kept for it until the drain deadline of the secret (24h unless set), or until --held-for has passed since the read.',
  ],
  run: async (input, context) => {
    const id = input.identifier('secret');
    const field = input.optionalText('field');
    const heldForMs = input.optionalDuration('held-for') ?? null;
    if (heldForMs !== null && heldForMs < leastHeldForMs) input.fail('--held-for is one second at least');
    const subject = field === undefined ? id : `${field} of ${id}`;
    const isJson = context.json || input.optionalText('output') === 'json';
    const read = async (sikkerkey: SikkerKey) => {
      const value = field === undefined ? await sikkerkey.getSecret(id) : await sikkerkey.getField(id, field);
      return { value, fields: field === undefined ? fieldsOf(value) : null };
    };
    const answer = await withSdk(context, subject, read, heldForMs);
    // The published form: two spaces of indent, keys in order.
    if (!isJson) context.terminal.print(answer.value);
    else if (field !== undefined) context.terminal.print(JSON.stringify({ field, id, value: answer.value }, null, 2));
    else
      context.terminal.print(
        JSON.stringify({ ...(answer.fields === null ? {} : { fields: answer.fields }), id, value: answer.value }, null, 2),
      );
    return 0;
  },
};

/** Structured means a JSON object that has only strings (or null, which counts as empty): wire-runtime §4.6. */
function fieldsOf(value: string): Readonly<Record<string, string>> | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
  const pairs = Object.entries(parsed).map(([name, text]): [string, unknown] => [name, text ?? '']);
  const strings = pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  if (pairs.length === 0 || strings.length !== pairs.length) return null;
  return Object.fromEntries(strings.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
