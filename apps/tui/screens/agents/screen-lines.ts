/**
 * The whole screen as lines, for any size: header, banner, list, detail, footer. Pure, so that what stands where is
 * tested without a terminal. Below 60×15 it is one line.
 */
import type { Overview } from '@sikkerkey/ui-shared/state/overview.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import { cutToWidth, textWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';
import type { ConsoleState, Modal } from '../../console-state.ts';
import { keyContextOf } from '../../console-state.ts';
import { bannerLines } from '../../frame/banner-lines.ts';
import { fitLine, type Line } from '../../frame/cells.ts';
import { footerLine } from '../../frame/footer-line.ts';
import { headerLine } from '../../frame/header-line.ts';
import { fitsFooter, noticeLines } from '../../frame/notice-lines.ts';
import { noticeWords } from '../../frame/notice-words.ts';
import { scrolled } from '../../frame/scrolled.ts';
import { viewportOf } from '../../frame/viewport.ts';
import type { CommandName } from '../../keys/keymap.ts';
import { helpLines } from '../../modals/help-lines.ts';
import { mayConfirm, planQuestion, planText } from '../../modals/plan-lines.ts';
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
  /** Rows of the list, or lines of what is open, that are seen at a time. */
  readonly pageSize: number;
  /** Of what is open: the largest useful scroll. */
  readonly lastScroll: number;
  /** Whether all that must be read before a yes has been on the screen. */
  readonly isPlanRead: boolean;
}

export const smallestColumns = 60;
export const smallestRows = 15;

/** The list keeps so many rows, however much there is to say of the selected agent. */
const leastListRows = 2;

/** Rows for the selected agent: steady, but what it needs (who is waited for, and the way out) is not cut while there is room. */
function detailHeight(rows: number, height: number, needed: number): number {
  return Math.max(rows < 24 ? 6 : 7, Math.min(needed, height - 2 - leastListRows));
}

export function screenLines(parts: ScreenParts): Screen {
  const { overview, state, now, columns, rows, theme, listFrom } = parts;
  if (columns < smallestColumns || rows < smallestRows) {
    return { lines: [oneLine(overview, columns, theme)], listFrom, pageSize: 1, lastScroll: 0, isPlanRead: false };
  }
  const height = rows - 1;
  const top = [headerLine(overview, placeOf(parts), now, columns, theme), ...bannerLines(overview.banner, columns, theme)];
  const notice = noticeWords(state.notice, overview);
  const said = noticeLines(notice, columns);
  const bodyHeight = height - top.length - said.length - 1;
  const body = bodyLines(parts, bodyHeight);
  const isLegal = (command: CommandName): boolean => isLegalNow(command, state.modal, body);
  const beside = notice !== null && fitsFooter(notice, columns) ? notice.text : null;
  const footer = footerLine({ context: keyContextOf(state), notice: beside, isLegal, width: columns, theme });
  return { ...body, lines: [...top, ...filledTo(body.lines, bodyHeight, columns), ...said, footer] };
}

/** Hints for keys that would do nothing are left out. */
function isLegalNow(command: CommandName, modal: Modal, { lastScroll, isPlanRead }: Screen): boolean {
  if (command === 'confirm-rotation') return modal.kind === 'plan' && mayConfirm(modal.phase) && isPlanRead;
  // The words of the hint, `nothing is done`, would be untrue.
  if (command === 'close') return modal.kind !== 'plan' || modal.phase.kind !== 'rotating';
  return lastScroll > 0 || !command.startsWith('scroll-');
}

function bodyLines(parts: ScreenParts, height: number): Screen {
  const { state, columns, theme, listFrom } = parts;
  const { modal } = state;
  switch (modal.kind) {
    case 'help': {
      const { lines, last, page } = scrolled(helpLines(columns, theme), height, modal.scroll, columns, theme);
      return { lines, listFrom, pageSize: page, lastScroll: last, isPlanRead: false };
    }
    case 'plan':
      return planBody(parts, modal, height);
    case 'none':
      return listLines(parts, height);
    default:
      return modal satisfies never;
  }
}

function planBody(parts: ScreenParts, modal: Extract<Modal, { kind: 'plan' }>, height: number): Screen {
  const { columns, theme, listFrom } = parts;
  const name = nameOf(parts, modal.secretId);
  const { lines: all, mustRead } = planText(name, modal.phase, columns);
  // The question and the empty line above it.
  const room = height - 2;
  const { lines, last, page } = scrolled(all, room, modal.scroll, columns, theme);
  const isPlanRead = modal.furthest + page >= mustRead;
  const question = planQuestion(name, modal.phase, isPlanRead, columns, theme);
  return { lines: [...lines, fitLine([], columns), question], listFrom, pageSize: page, lastScroll: last, isPlanRead };
}

function listLines({ overview, state, now, columns, rows, theme, listFrom }: ScreenParts, height: number): Screen {
  const closed = { lastScroll: 0, isPlanRead: false };
  if (overview.rows.length === 0) return { lines: emptyLines(overview, columns), listFrom: 0, pageSize: 1, ...closed };
  const selected = Math.max(
    0,
    overview.rows.findIndex(({ agent }) => agent.secretId === state.selectedId),
  );
  const row = overview.rows[selected];
  const { isLive } = overview;
  const told = row === undefined ? [] : detailLines({ row, isLive, now, width: columns, theme });
  const detail = detailHeight(rows, height, told.length);
  const listHeight = Math.max(1, height - 2 - detail);
  const { from, to } = viewportOf(overview.rows.length, listHeight, selected, listFrom);
  const widths = columnsFor(columns);
  const list = overview.rows
    .slice(from, to)
    .map((shown, index) => agentLine({ row: shown, columns: widths, width: columns, now, isSelected: from + index === selected, theme }));
  const position = `${from + 1}-${to} of ${overview.rows.length}`;
  return {
    lines: [
      headingLine(widths, columns),
      ...filledTo(list, listHeight, columns),
      ruleLine(safeText(row?.agent.name ?? ''), position, columns, theme),
      ...told.slice(0, detail),
    ],
    listFrom: from,
    pageSize: listHeight,
    ...closed,
  };
}

/** The list knows names; a plan and a notice know ids. */
function nameOf({ overview }: ScreenParts, secretId: string): string {
  return safeText(overview.rows.find(({ agent }) => agent.secretId === secretId)?.agent.name ?? secretId);
}

function placeOf(parts: ScreenParts): string {
  const { modal } = parts.state;
  switch (modal.kind) {
    case 'none':
      return 'agents';
    case 'help':
      return 'help';
    case 'plan':
      return ['agents', cutToWidth(nameOf(parts, modal.secretId), 24), 'plan'].join(parts.theme.glyph(' ▸ ', ' > '));
    default:
      return modal satisfies never;
  }
}

function ruleLine(name: string, position: string, width: number, theme: Theme): Line {
  const rule = theme.glyph('─', '-');
  const tail = ` ${position} `;
  const title = ` ${cutToWidth(name, width - tail.length - 8)} `;
  const room = Math.max(0, width - 4 - textWidth(title) - tail.length);
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
