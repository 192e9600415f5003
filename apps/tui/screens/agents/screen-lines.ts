/**
 * The whole screen as lines, for any size: header, banner, list, detail, footer. Pure, so that what stands where is
 * tested without a terminal. Below 60×15 it is one line.
 */
import type { Overview } from '@sikkerkey/ui-shared/state/overview.ts';
import type { ConsoleState } from '../../console-state.ts';
import { keyContextOf } from '../../console-state.ts';
import { fitLine, type Line, lineWidth } from '../../frame/cells.ts';
import { footerLine } from '../../frame/footer-line.ts';
import { headerLine } from '../../frame/header-line.ts';
import { viewportOf } from '../../frame/viewport.ts';
import { helpLines } from '../../modals/help-lines.ts';
import { planModalLines } from '../../modals/plan-lines.ts';
import type { Theme } from '../../theme.ts';
import { agentLine, headingLine } from './agent-line.ts';
import { columnsFor } from './columns.ts';
import { detailLines } from './detail-lines.ts';
import { emptyLines } from './empty-lines.ts';
import { oneLine } from './one-line.ts';

export interface ScreenParts {
  readonly overview: Overview;
  readonly state: ConsoleState;
  readonly now: number;
  readonly columns: number;
  readonly rows: number;
  readonly theme: Theme;
  /** First row of the list as it was drawn before. */
  readonly listFrom: number;
}

export interface Screen {
  readonly lines: readonly Line[];
  readonly listFrom: number;
  /** Rows that the list has, for paging. */
  readonly pageSize: number;
}

export const smallestColumns = 60;
export const smallestRows = 15;
const detailHeight = 6;

export function screenLines(parts: ScreenParts): Screen {
  const { overview, state, now, columns, rows, theme } = parts;
  if (columns < smallestColumns || rows < smallestRows) {
    return { lines: [oneLine(overview, columns, theme)], listFrom: parts.listFrom, pageSize: 1 };
  }
  const height = rows - 1;
  const top = [headerLine(overview, placeOf(state, theme), now, columns, theme), ...bannerLines(overview, columns, theme)];
  const footer = footerLine(keyContextOf(state), state.notice, columns, theme);
  const bodyHeight = height - top.length - 1;
  const body = bodyLines(parts, bodyHeight);
  return { ...body, lines: [...top, ...filledTo(body.lines, bodyHeight, columns), footer] };
}

function bodyLines(parts: ScreenParts, height: number): Screen {
  const { state, columns, theme, listFrom } = parts;
  switch (state.modal.kind) {
    case 'help':
      return { lines: helpLines(columns, theme).slice(0, height), listFrom, pageSize: height };
    case 'plan': {
      const all = planModalLines(state.modal.secretId, state.modal.phase, columns);
      const from = Math.min(state.modal.scroll, Math.max(0, all.length - height));
      return { lines: all.slice(from, from + height), listFrom, pageSize: height };
    }
    case 'none':
      return listLines(parts, height);
    default:
      return state.modal satisfies never;
  }
}

function listLines({ overview, state, now, columns, theme, listFrom }: ScreenParts, height: number): Screen {
  if (overview.rows.length === 0) return { lines: emptyLines(overview, columns, theme), listFrom: 0, pageSize: 1 };
  const selected = Math.max(
    0,
    overview.rows.findIndex(({ agent }) => agent.secretId === state.selectedId),
  );
  const row = overview.rows[selected];
  const listHeight = Math.max(1, height - 2 - detailHeight);
  const { from, to } = viewportOf(overview.rows.length, listHeight, selected, listFrom);
  const widths = columnsFor(columns);
  const list = overview.rows
    .slice(from, to)
    .map((shown, index) => agentLine({ row: shown, columns: widths, width: columns, now, isSelected: from + index === selected, theme }));
  const details = row === undefined ? [] : detailLines(row, now, columns, theme).slice(0, detailHeight);
  return {
    lines: [
      headingLine(widths, columns),
      ...filledTo(list, listHeight, columns),
      ruleLine(row?.agent.name ?? '', `${from + 1}-${to} of ${overview.rows.length}`, columns, theme),
      ...details,
    ],
    listFrom: from,
    pageSize: listHeight,
  };
}

function placeOf({ modal, selectedId }: ConsoleState, theme: Theme): string {
  if (modal.kind === 'help') return 'help';
  return modal.kind === 'plan' ? ['agents', selectedId ?? '', 'plan'].join(theme.glyph(' ▸ ', ' > ')) : 'agents';
}

function bannerLines({ banner }: Overview, width: number, theme: Theme): readonly Line[] {
  if (banner === null) return [];
  const mark = banner.tone === 'bad' ? theme.glyph('✖', 'X') : banner.tone === 'warn' ? theme.glyph('⚠', '!') : theme.glyph('◷', '.');
  const text: Line = [{ text: ` ${mark} ${banner.text}`, tone: banner.tone, bold: true }];
  if (banner.command === null) return [fitLine(text, width)];
  const command: Line = [{ text: `   ${banner.command}`, tone: 'accent', bold: true }];
  // The command is what helps: where both have no room side by side, it has a line of its own.
  const both = [...text, ...command];
  return lineWidth(both) <= width ? [fitLine(both, width)] : [fitLine(text, width), fitLine(command, width)];
}

function ruleLine(name: string, position: string, width: number, theme: Theme): Line {
  const rule = theme.glyph('─', '-');
  const title = ` ${name} `;
  const tail = ` ${position} `;
  const room = Math.max(0, width - 4 - [...title].length - tail.length);
  return fitLine(
    [
      { text: rule.repeat(2), tone: 'grey' },
      { text: title, tone: 'plain', bold: true },
      { text: rule.repeat(room), tone: 'grey' },
      { text: tail, tone: 'grey' },
      { text: rule.repeat(2), tone: 'grey' },
    ],
    width,
  );
}

function filledTo(lines: readonly Line[], height: number, width: number): readonly Line[] {
  const missing = Math.max(0, height - lines.length);
  return [...lines.slice(0, height), ...Array.from({ length: missing }, () => fitLine([], width))];
}
