/** One name for each key press, whatever the terminal sent: `j`, `G`, `up`, `enter`, `ctrl-c`. */
import type { Key } from 'ink';

const namedKeys = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['pageUp', 'page-up'],
  ['pageDown', 'page-down'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'esc'],
  ['tab', 'tab'],
  ['backspace', 'backspace'],
] as const;

/** Names for one event. A held key arrives as several characters at once: each counts. */
export function keyNames(input: string, key: Key): readonly string[] {
  for (const [flag, name] of namedKeys) if (key[flag]) return [name];
  return key.ctrl ? [`ctrl-${input}`] : [...input];
}
