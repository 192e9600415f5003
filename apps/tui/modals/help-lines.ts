/** The help, made from the live key map and the conditions that agents can be in. */
import { type ConditionName, conditionNamed } from '@sikkerkey/ui-shared/state/agent-condition.ts';
import { type Cell, cell, fitLine, type Line } from '../frame/cells.ts';
import { wrapText } from '../frame/wrap.ts';
import { bindingsOf, type KeyContext } from '../keys/keymap.ts';
import type { Theme } from '../theme.ts';

/** In the order of the help: the well, the passing, the silent, then what needs somebody. */
const meanings: Readonly<Record<ConditionName, string>> = {
  OK: 'the vault hears it, nothing to do',
  ROTATING: 'a new password is on its way',
  DRAINING: 'the new one is live, the old one waits for its readers',
  WAITING: 'a rotation waits until the one before has drained',
  LATE: 'no heartbeat for 1.5 intervals',
  OFFLINE: 'no heartbeat for 2 intervals and 20 s',
  UNKNOWN: 'we cannot see it: daemon or vault is out of reach',
  PAUSED: 'stopped by hand, or not under management yet',
  DRIFT: 'the database was changed by somebody else',
  REJECTED: 'the new password was refused; the one before is live',
  SPLIT: 'database and vault disagree; both are being asked',
  QUARANTINED: 'nothing is changed here until somebody decides',
  DENIED: 'the vault refuses this machine',
  BLOCKED: 'the database is out of reach, or holds up the work',
  'NO JOURNAL': 'the disk does not take the journal: nothing begins',
};

const keyWidth = 11;
const wordWidth = 17;

export function helpLines(width: number, theme: Theme): readonly Line[] {
  const lines: readonly Line[] = [
    heading('Keys'),
    ...keyLines('list', width, theme),
    [],
    heading('Keys while a plan is shown'),
    ...keyLines('plan', width, theme),
    [],
    heading('What the words mean'),
    ...(Object.keys(meanings) as ConditionName[]).flatMap((name) => meaningLines(name, width, theme)),
    [],
    ...wrapText(' What is wrong with the selected agent, and the command that mends it, stands below the list.', width, 1).map(
      (text): Line => [{ text, tone: 'grey' }],
    ),
  ];
  return lines.map((line) => fitLine(line, width));
}

function heading(text: string): Line {
  return [{ text: ` ${text}`, tone: 'plain', bold: true }];
}

function keyLines(context: KeyContext, width: number, theme: Theme): readonly Line[] {
  return bindingsOf(context).flatMap((binding) =>
    beside([cell(`  ${theme.glyph(binding.shown, binding.ascii)}`, keyWidth, 'accent', true)], keyWidth, binding.help, width),
  );
}

function meaningLines(name: ConditionName, width: number, theme: Theme): readonly Line[] {
  const { glyph, ascii, tone } = conditionNamed(name);
  const word = [cell('', 2), cell(theme.glyph(glyph, ascii), 3, tone, true), cell(name, 12, tone)];
  return beside(word, wordWidth, meanings[name], width);
}

/** Text beside a word; where it needs more lines, they stand below its beginning. */
function beside(word: Line, wordCells: number, text: string, width: number): readonly Line[] {
  return wrapText(text, width - wordCells, 0).map((part, index): Line => {
    const words: Cell = { text: part, tone: 'plain' };
    return index === 0 ? [...word, words] : [cell('', wordCells), words];
  });
}
