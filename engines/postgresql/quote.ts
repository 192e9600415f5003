/** Quoting for SQL text where parameters are impossible (roles, DO blocks). Nothing is ever deleted from a name. */

/** `"name"` with inner quotes doubled. Throws on NUL, which PostgreSQL cannot store. */
export function quoteIdentifier(name: string): string {
  refuseNul(name);
  return `"${name.replaceAll('"', '""')}"`;
}

/** `'text'` for a session with standard_conforming_strings = on, which every session of ours sets. */
export function quoteLiteral(text: string): string {
  refuseNul(text);
  return `'${text.replaceAll("'", "''")}'`;
}

/** A DO block around the body, with a dollar tag that the body does not contain. */
export function doBlock(body: string): string {
  let tag = '$sk$';
  for (let n = 0; body.includes(tag); n += 1) tag = `$sk${n}$`;
  return `DO ${tag}\n${body}\n${tag}`;
}

function refuseNul(text: string): void {
  if (text.includes('\0')) throw new RangeError('a name for PostgreSQL contains a NUL character');
}
