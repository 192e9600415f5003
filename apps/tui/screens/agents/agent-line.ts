/** One agent as one line: mark, glyph, word, name, engine, heartbeats, next rotation, version, step. */
import { dueWords, spanWords } from '@sikkerkey/ui-shared/state/age.ts';
import { type BeatMark, beatStrip } from '@sikkerkey/ui-shared/state/heartbeat.ts';
import type { AgentRow } from '@sikkerkey/ui-shared/state/overview.ts';
import { stepNumber } from '@sikkerkey/ui-shared/state/step-rail.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import { cutToWidth, textWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';
import { type Cell, cell, fitLine, type Line } from '../../frame/cells.ts';
import type { Theme } from '../../theme.ts';
import type { ColumnWidths } from './columns.ts';

const gap: Cell = { text: ' ', tone: 'plain' };

export function headingLine(columns: ColumnWidths, width: number): Line {
  return assemble(
    [
      cell('', 1),
      cell('', 2),
      cell('CONDITION', columns.condition, 'grey'),
      cell('AGENT', columns.name, 'grey'),
      cell('ENGINE', columns.engine, 'grey'),
      cell('BEAT', columns.beats, 'grey'),
      cell('', columns.age, 'grey'),
      cell('NEXT', columns.next, 'grey'),
      cell('VER', columns.version, 'grey'),
      cell('STEP', columns.step, 'grey'),
    ],
    width,
  );
}

export interface LineParts {
  readonly row: AgentRow;
  readonly columns: ColumnWidths;
  readonly width: number;
  readonly now: number;
  readonly isSelected: boolean;
  readonly theme: Theme;
}

export function agentLine({ row: { agent, condition }, columns, width, now, isSelected, theme }: LineParts): Line {
  const isGrey = condition.tone === 'grey';
  const tone = isGrey ? 'grey' : 'plain';
  const newest = agent.beats.at(-1);
  const strip = beatStrip(agent.beats, now);
  const dash = theme.glyph('—', '-');
  const words = (text: string): string => (text === '—' ? dash : text);
  const step = agent.step === null || condition.name === 'OK' ? '' : `${stepNumber(agent.step)} ${agent.step}`;
  const name = agent.tls === 'disable' ? markedName(safeText(agent.name), columns.name, theme) : safeText(agent.name);
  return assemble(
    [
      cell(isSelected ? theme.glyph('▌', '>') : '', 1, 'accent', true),
      cell(theme.glyph(condition.glyph, condition.ascii), 2, condition.tone, true),
      cell(condition.name, columns.condition, condition.tone, condition.needsYou),
      cell(name, columns.name, agent.tls === 'disable' && !isGrey ? 'warn' : tone, isSelected),
      cell(engineWords(agent.provider, agent.serverVersion), columns.engine, tone),
      cell(
        strip.map((mark) => beatGlyph(mark, theme)).join(''),
        columns.beats,
        isGrey ? 'grey' : strip.includes('missing') ? 'warn' : 'good',
      ),
      cell(words(spanWords(newest === undefined ? null : now - newest)), columns.age, tone),
      cell(words(dueWords(agent.nextRotationAt, now)), columns.next, tone),
      cell(agent.version === null ? dash : `v${agent.version}`, columns.version, agent.isLastKnown === true ? 'grey' : tone),
      cell(step, columns.step, isGrey ? 'grey' : 'busy'),
    ],
    width,
  );
}

/** That TLS is off is said as long as there is room, and marked always: the mark is never cut with the name. */
function markedName(name: string, width: number, theme: Theme): string {
  const mark = theme.glyph('⚠', '!');
  const words = `${name} ${mark} no TLS`;
  return textWidth(words) <= width ? words : `${cutToWidth(name, width - 2)} ${mark}`;
}

function beatGlyph(mark: BeatMark, theme: Theme): string {
  switch (mark) {
    case 'on-time':
      return theme.glyph('●', '*');
    case 'missing':
      return theme.glyph('○', '.');
    case 'not-known':
      return theme.glyph('·', ' ');
    default:
      return mark satisfies never;
  }
}

/** `pg 16`, `maria 11`: as short as a column wants it. */
function engineWords(provider: string, serverVersion: string | null): string {
  const short = provider === 'postgresql' ? 'pg' : safeText(provider);
  const major = serverVersion === null ? '' : (/^[0-9]+/.exec(serverVersion)?.[0] ?? '');
  return major === '' ? short : `${short} ${major}`;
}

/** Cells that have a width, one space between them; the mark and the glyph stand together. */
function assemble(cells: readonly Cell[], width: number): Line {
  const [mark, ...rest] = cells.filter(({ text }) => text !== '');
  if (mark === undefined) return fitLine([], width);
  return fitLine([mark, ...rest.flatMap((part) => [part, gap])], width);
}
