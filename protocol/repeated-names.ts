/**
 * Finds names that are twice in one object of a JSON text. Which of their values counts is up to the reader, and parsing
 * drops the others without a word: what somebody meant to keep would be lost.
 */

/** `parsed` is what `JSON.parse` made of `text`. Throws RangeError where it nests too deep to be written again. */
export function hasRepeatedName(text: string, parsed: unknown): boolean {
  return stringsIn(text) !== stringsIn(JSON.stringify(parsed));
}

/** How many strings a JSON text has, names among them; a repeated name is one more than what was parsed has. */
function stringsIn(json: string): number {
  let count = 0;
  for (let at = json.indexOf('"'); at !== -1; at = json.indexOf('"', at + 1)) {
    for (at += 1; json[at] !== '"'; at += 1) {
      if (json[at] === '\\') at += 1;
    }
    count += 1;
  }
  return count;
}
