/** The help, made from the live key map and the conditions that agents can be in. */
import { type ConditionName, conditionNamed } from '@sikkerkey/ui-shared/state/agent-condition.ts';
import { type Cell, cell, fitLine, type Line } from '../frame/cells.ts';
import { bindingsOf } from '../keys/keymap.ts';
import type { Theme } from '../theme.ts';

const meanings: readonly (readonly [ConditionName, string])[] = [
  ['OK', 'the vault hears it, nothing to do'],
  ['ROTATING', 'a new password is on its way'],
  ['DRAINING', 'the new one is live, the old one waits for its readers'],
  ['WAITING', 'a rotation waits until the one before has drained'],
  ['LATE', 'no heartbeat for 1.5 intervals'],
  ['OFFLINE', 'no heartbeat for 2 intervals and 20 s'],
  ['UNKNOWN', 'we cannot see it: daemon or vault is out of reach'],
  ['DRIFT', 'the database was changed by somebody else'],
  ['SPLIT', 'database and vault disagree; both are being asked'],
  ['DENIED', 'the vault refuses this machine'],
  ['PAUSED', 'stopped by hand'],
];

export function helpLines(width: number, theme: Theme): readonly Line[] {
  const keys = bindingsOf('list').map(
    (binding): Line => [cell(`  ${theme.glyph(binding.shown, binding.ascii)}`, 10, 'accent', true), { text: binding.help, tone: 'plain' }],
  );
  const states = meanings.map(([name, meaning]): Line => {
    const { glyph, ascii, tone } = conditionNamed(name);
    return [
      cell('', 2),
      cell(theme.glyph(glyph, ascii), 3, tone, true),
      cell(name, 12, tone),
      { text: meaning, tone: 'plain' } satisfies Cell,
    ];
  });
  const heading = (text: string): Line => [{ text: ` ${text}`, tone: 'plain', bold: true }];
  const lines: readonly Line[] = [heading('Keys'), ...keys, [], heading('What the words mean'), ...states];
  return lines.map((line) => fitLine(line, width));
}
