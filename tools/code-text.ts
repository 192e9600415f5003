/**
 * Separates code from what only looks like code: comments, strings, templates and regular expressions are replaced by
 * blanks of the same length, so that a rule may search the rest with plain expressions and offsets still fit the file.
 * Knows TypeScript's tokens as far as that needs, and no more.
 */

export interface CodeText {
  /** As long as the source; newlines and the quotes of strings are kept. */
  readonly code: string;
  /** Plain string literals by the offset of their opening quote. */
  readonly strings: ReadonlyMap<number, string>;
}

/** After one of these words or characters a slash begins a regular expression, not a division. */
const wordBeforeRegex = /\b(return|typeof|case|in|of|do|else|void|delete|throw|new|instanceof|yield|await)$/;
const characterBeforeRegex = /[=(,:;!&|?{}[+\-*%<>~^]$/;

interface Cursor {
  readonly source: string;
  readonly blanked: string[];
  readonly strings: Map<number, string>;
  /** Depth of braces inside each open template expression. */
  readonly templates: number[];
  /** The last code characters, for telling a regular expression from a division. */
  recent: string;
}

export function separateCode(source: string): CodeText {
  const cursor: Cursor = {
    source,
    blanked: source.split(''),
    strings: new Map(),
    templates: [],
    recent: '',
  };
  let at = 0;
  while (at < source.length) at = readToken(cursor, at);
  return { code: cursor.blanked.join(''), strings: cursor.strings };
}

function readToken(cursor: Cursor, at: number): number {
  const { source } = cursor;
  const character = source.charAt(at);
  const next = source.charAt(at + 1);
  if (character === '/' && next === '/') return blank(cursor, at, endOfLine(source, at));
  if (character === '/' && next === '*') return blank(cursor, at, afterText(source, '*/', at + 2));
  if (character === "'" || character === '"') return readString(cursor, at, character);
  if (character === '`') return readTemplate(cursor, at + 1);
  if (character === '/' && beginsRegex(cursor.recent)) return readRegex(cursor, at);
  return readCode(cursor, at, character);
}

function readCode(cursor: Cursor, at: number, character: string): number {
  const depth = cursor.templates.at(-1);
  if (depth !== undefined && character === '{') cursor.templates[cursor.templates.length - 1] = depth + 1;
  if (depth !== undefined && character === '}') {
    if (depth === 0) {
      cursor.templates.pop();
      return readTemplate(cursor, at + 1);
    }
    cursor.templates[cursor.templates.length - 1] = depth - 1;
  }
  if (!/\s/.test(character)) cursor.recent = (cursor.recent + character).slice(-12);
  else if (/\w$/.test(cursor.recent)) cursor.recent += ' ';
  return at + 1;
}

function readString(cursor: Cursor, start: number, quote: string): number {
  const { source } = cursor;
  let at = start + 1;
  while (at < source.length && source.charAt(at) !== quote && source.charAt(at) !== '\n') at += source.charAt(at) === '\\' ? 2 : 1;
  cursor.strings.set(start, source.slice(start + 1, at));
  blank(cursor, start + 1, at);
  cursor.recent = 'x';
  return at + 1;
}

/** From inside a template to its end, or to the next `${`. */
function readTemplate(cursor: Cursor, start: number): number {
  const { source } = cursor;
  let at = start;
  while (at < source.length && source.charAt(at) !== '`' && !source.startsWith('${', at)) at += source.charAt(at) === '\\' ? 2 : 1;
  blank(cursor, start, at);
  if (!source.startsWith('${', at)) {
    cursor.recent = 'x';
    return at + 1;
  }
  cursor.templates.push(0);
  cursor.recent = '{';
  return at + 2;
}

function readRegex(cursor: Cursor, start: number): number {
  const { source } = cursor;
  let at = start + 1;
  let inClass = false;
  while (at < source.length && source.charAt(at) !== '\n' && (inClass || source.charAt(at) !== '/')) {
    if (source.charAt(at) === '[') inClass = true;
    if (source.charAt(at) === ']') inClass = false;
    at += source.charAt(at) === '\\' ? 2 : 1;
  }
  blank(cursor, start + 1, at);
  cursor.recent = 'x';
  return at + 1;
}

function beginsRegex(recent: string): boolean {
  const before = recent.trimEnd();
  return before === '' || characterBeforeRegex.test(before) || wordBeforeRegex.test(before);
}

function blank(cursor: Cursor, from: number, to: number): number {
  for (let at = from; at < to && at < cursor.blanked.length; at += 1) if (cursor.blanked[at] !== '\n') cursor.blanked[at] = ' ';
  return to;
}

function endOfLine(source: string, from: number): number {
  const at = source.indexOf('\n', from);
  return at === -1 ? source.length : at;
}

function afterText(source: string, text: string, from: number): number {
  const at = source.indexOf(text, from);
  return at === -1 ? source.length : at + text.length;
}

/** The line of an offset, counted from 1. */
export function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split('\n').length;
}
