/**
 * Breaks what this program says between words; keys, paths and other words are never broken. Not the front ends'
 * fitted-lines: those reach by wide characters and pasted commands beyond what the vault says of itself, which is ASCII
 * and short, and they live where the vault, that sends facts, may not import from.
 */

/** `cells`: the width of the terminal, or null for any length. Lines after the first begin with `hang` spaces. */
export function fitted(line: string, cells: number | null, hang = 0): readonly string[] {
  if (cells === null || line.length <= cells) return [line];
  const breakAt = line.slice(hang, cells + 1).lastIndexOf(' ') + hang;
  const next = breakAt > hang && line.slice(0, breakAt).trim() !== '' ? breakAt : line.indexOf(' ', cells);
  if (next < 0) return [line];
  const rest = line.slice(next).trimStart();
  return [line.slice(0, next).trimEnd(), ...fitted(`${' '.repeat(hang)}${rest}`, cells, hang)];
}
