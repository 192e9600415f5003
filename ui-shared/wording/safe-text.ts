// biome-ignore-all lint/suspicious/noControlCharactersInRegex: control characters are what this file removes
/**
 * Text from servers, databases and files is hostile to a terminal until it went through here: escape sequences, other
 * control characters and direction overrides are taken out; line breaks and tabs become one space.
 */

/** One line that cannot move the cursor, colour the screen or reverse what follows. */
export function safeText(text: string): string {
  return text
    .replace(escapeSequences, '')
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, ' ')
    .replace(controls, '');
}

// CSI, OSC (ended by BEL or ST), and two-character escapes.
const escapeSequences =
  /(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]|(?:\u001B\]|\u009D)[^\u0007\u001B\u009C]*(?:\u0007|\u001B\\|\u009C)?|\u001B[ -~]?/g;
const controls = /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;
