/** What fits into a terminal that is too small for the list: the counts, and what needs somebody. */
import type { Overview } from '@sikkerkey/ui-shared/state/overview.ts';
import { type Cell, fitLine, type Line } from '../../frame/cells.ts';
import type { Theme } from '../../theme.ts';

export function oneLine({ rows, banner }: Overview, width: number, theme: Theme): Line {
  if (banner !== null) return fitLine([{ text: `${theme.glyph('✖', 'X')} ${banner.text}`, tone: banner.tone }], width);
  const needsYou = rows.filter(({ condition }) => condition.needsYou);
  const rotating = rows.filter(({ condition }) => condition.tone === 'busy').length;
  const first = needsYou[0];
  const counts: Cell = { text: `${rows.length} agents ${theme.glyph('↻', '~')}${rotating} `, tone: 'plain' };
  const trouble: Cell =
    first === undefined
      ? { text: `${theme.glyph('✓', '+')} nothing needs you`, tone: 'good' }
      : {
          text: `${theme.glyph('✖', 'X')} ${needsYou.length} need you: ${first.agent.name} ${first.condition.name}`,
          tone: 'bad',
        };
  return fitLine([counts, trouble], width);
}
