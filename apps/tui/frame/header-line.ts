/** The first line: where we are, the machine, the counts, the vault's latency and skew, the clock. */
import { clockWords, skewWords } from '@sikkerkey/ui-shared/state/age.ts';
import type { Condition, Tone } from '@sikkerkey/ui-shared/state/agent-condition.ts';
import type { Overview } from '@sikkerkey/ui-shared/state/overview.ts';
import { vaultCondition } from '@sikkerkey/ui-shared/state/vault-condition.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import type { Theme } from '../theme.ts';
import { type Cell, fitLine, type Line, lineWidth, spread } from './cells.ts';

/** The first form that fits is taken: what matters least goes first. */
export function headerLine(overview: Overview, place: string, now: number, width: number, theme: Theme): Line {
  const arrow = theme.glyph('▸', '>');
  const left: Line = [
    { text: ' sikker', tone: 'accent', bold: true },
    { text: ` ${arrow} ${place}`, tone: 'plain' },
  ];
  const clock: Line = [{ text: `  ${clockWords(now)} `, tone: 'grey' }];
  const counts = countCells(overview, theme);
  const vault = vaultCells(overview, theme);
  const machine = machineCells(overview, theme);
  const forms: readonly Line[] = [
    [...machine, ...counts, ...vault, ...clock],
    [...counts, ...vault, ...clock],
    [...counts, ...clock],
    clock,
  ];
  const fitting = forms.find((form) => lineWidth(left) + lineWidth(form) + 1 <= width);
  return fitting === undefined ? fitLine(left, width) : spread(left, fitting, width);
}

function machineCells({ vaults }: Overview, theme: Theme): readonly Cell[] {
  const [first] = vaults;
  return first === undefined ? [] : [{ text: `${safeText(first.machineName)}${theme.glyph(' · ', ' | ')}`, tone: 'plain' }];
}

/** The well first, then what moves, then what is wrong, the worst last before what is not known. */
const toneOrder = ['good', 'busy', 'warn', 'bad', 'grey'] as const satisfies readonly Tone[];

/** `41 agents  ✓38 ↻1 ◷1`: one cell for each glyph that occurs, in the same order whatever the agents are called. */
function countCells({ rows }: Overview, theme: Theme): readonly Cell[] {
  const byGlyph = new Map<string, { condition: Condition; count: number }>();
  for (const { condition } of rows) {
    const known = byGlyph.get(condition.glyph);
    byGlyph.set(condition.glyph, { condition, count: (known?.count ?? 0) + 1 });
  }
  return [
    { text: rows.length === 1 ? '1 agent' : `${rows.length} agents`, tone: 'plain' },
    ...toneOrder
      .flatMap((tone) => [...byGlyph.values()].filter(({ condition }) => condition.tone === tone))
      .map(
        ({ condition, count }): Cell => ({
          text: ` ${theme.glyph(condition.glyph, condition.ascii)}${count}`,
          tone: condition.tone,
        }),
      ),
  ];
}

function vaultCells({ vaults, isLive }: Overview, theme: Theme): readonly Cell[] {
  const [first] = vaults;
  if (first === undefined) return [];
  if (!isLive) return [{ text: '   vault ?', tone: 'grey' }];
  const { glyph, ascii, tone } = vaultCondition(first);
  const latency = first.latencyMs === null || !first.reachable ? '' : ` ${Math.round(first.latencyMs)} ms`;
  const skew = theme.ascii ? skewWords(first.skewMs).replace('−', '-').replace('—', '-') : skewWords(first.skewMs);
  return [
    { text: '   vault ', tone: 'plain' },
    { text: theme.glyph(glyph, ascii), tone },
    { text: `${latency}  skew ${skew}`, tone: 'plain' },
  ];
}
