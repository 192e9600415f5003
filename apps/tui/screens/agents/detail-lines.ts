/**
 * What is known of the selected agent, in a few lines: where it works, what is wrong and the command that mends it, its
 * rotation's steps, who still holds what. The most pressing stands first: the last lines go when there is no room.
 */
import { dueWords, instantWords, spanWords } from '@sikkerkey/ui-shared/state/age.ts';
import type { AgentRow } from '@sikkerkey/ui-shared/state/overview.ts';
import { stepNumber, stepRail } from '@sikkerkey/ui-shared/state/step-rail.ts';
import { agentTrouble } from '@sikkerkey/ui-shared/wording/agent-trouble.ts';
import { commandLines } from '@sikkerkey/ui-shared/wording/fitted-lines.ts';
import { endTheWait, holderWords, waitWords } from '@sikkerkey/ui-shared/wording/holders.ts';
import { tlsWords } from '@sikkerkey/ui-shared/wording/plan.ts';
import { holdOutWords } from '@sikkerkey/ui-shared/wording/progress.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import { type Cell, fitLine, type Line, lineWidth } from '../../frame/cells.ts';
import { groupsLine } from '../../frame/groups.ts';
import { wrapText } from '../../frame/wrap.ts';
import type { Theme } from '../../theme.ts';

export interface DetailParts {
  readonly row: AgentRow;
  /** False while the daemon is away: then nothing is called wrong, because nothing is known. */
  readonly isLive: boolean;
  readonly now: number;
  readonly width: number;
  readonly theme: Theme;
}

const plain = (text: string): Cell => ({ text, tone: 'plain' });
const faint = (text: string): Cell => ({ text, tone: 'grey' });

/** As many lines as there is something to say; each exactly `width` cells. */
export function detailLines(parts: DetailParts): readonly Line[] {
  const { width } = parts;
  return [headline(parts), ...troubleLines(parts), ...rotationLines(parts), factsLine(parts), ...lastLines(parts)].map((line) =>
    fitLine(line, width),
  );
}

function headline({ row: { agent, condition }, theme }: DetailParts): Line {
  const dot = theme.glyph(' · ', ' | ');
  const place =
    agent.host === null
      ? 'connection kept by the vault'
      : `${safeText(agent.host)}:${agent.port ?? '?'}/${safeText(agent.database ?? '?')}`;
  return [
    { text: ` ${theme.glyph(condition.glyph, condition.ascii)} ${condition.name}`, tone: condition.tone, bold: true },
    plain(`${dot}${safeText(agent.secretId)}${dot}${place}`),
  ];
}

/** The command has lines of its own and is never cut: it is there to be copied. */
function troubleLines({ row: { agent, condition }, isLive, width }: DetailParts): readonly Line[] {
  const trouble = isLive ? agentTrouble(agent, condition) : null;
  if (trouble === null) return [];
  const tone = condition.needsYou ? condition.tone : 'warn';
  const title = wrapText(` ${trouble.title}`, width, 1).map((text): Line => [{ text, tone }]);
  if (trouble.nextStep === null) return title;
  const command = commandLines('   ', trouble.nextStep, width);
  return [...title, ...command.map((text): Line => [{ text, tone: 'accent', bold: true }])];
}

function rotationLines({ row: { agent, condition }, width, theme }: DetailParts): readonly Line[] {
  const lines: Line[] = [];
  const rail = condition.tone === 'grey' || condition.name === 'OK' ? [] : railLine(agent.step, theme);
  if (rail.length > 0) lines.push(lineWidth(rail) <= width ? rail : shortRail(agent.step, theme));
  if (condition.name === 'WAITING') return [...waitLines(agent, width), ...lines];
  if (agent.holdOuts.length > 0) {
    const until = agent.drainDeadlineAt === null ? '' : `, until ${instantWords(agent.drainDeadlineAt)} at the latest`;
    lines.push(...wrapText(` still held by ${holdOutWords(agent)}${until}`, width, 3).map((text): Line => [plain(text)]));
  }
  return lines;
}

/** A rotation was asked for while the one before drains: whom it waits for, until when, and the way out. */
function waitLines(agent: AgentRow['agent'], width: number): readonly Line[] {
  const waits = ` a rotation was asked for; ${waitWords(agent.holdOuts.map(holderWords), agent.drainDeadlineAt)}`;
  const [words, command] = endTheWait(agent.secretId);
  return [
    ...wrapText(waits, width, 3).map((text): Line => [plain(text)]),
    ...wrapText(` ${words}:`, width, 1).map((text): Line => [faint(text)]),
    ...commandLines('   ', command, width).map((text): Line => [{ text, tone: 'accent', bold: true }]),
  ];
}

function factsLine({ row: { agent, condition }, now, width, theme }: DetailParts): Line {
  const next = dueWords(agent.nextRotationAt, now);
  const strategy = agent.strategy === null ? 'not known' : `${agent.strategy}${agent.adopted ? ' (adopted)' : ' (not adopted)'}`;
  return groupsLine(
    [
      ...(agent.isLastKnown === true ? [{ rank: 0, cells: [faint('as last known:')] }] : []),
      { rank: 2, cells: [faint('strategy '), plain(strategy)] },
      {
        rank: 1,
        cells: [
          faint('tls '),
          { text: agent.tls === null ? 'unknown' : tlsWords(agent.tls), tone: agent.tls === 'disable' ? 'warn' : 'plain' },
        ],
      },
      ...(agent.nextRotationAt === null ? [] : [{ rank: 3, cells: [faint('next '), plain(theme.glyph(next, next.replace('—', '-')))] }]),
      ...(condition.name === 'UNKNOWN' ? [] : [{ rank: 4, cells: [faint('since '), plain(spanWords(now - agent.since))] }]),
    ],
    width,
  );
}

function lastLines({ row: { agent }, width }: DetailParts): readonly Line[] {
  if (agent.lastRotation === null) return [];
  const { rotationId, outcome, endedAt, durationMs } = agent.lastRotation;
  return [
    groupsLine(
      [
        { rank: 1, cells: [faint('last '), plain(`${safeText(outcome)} ${instantWords(endedAt)}`)] },
        { rank: 2, cells: [faint('took '), plain(`${(durationMs / 1000).toFixed(1)} s`)] },
        { rank: 3, cells: [plain(safeText(rotationId))] },
      ],
      width,
    ),
  ];
}

/** `✓ sealed ✓ applied ▸ draining · retired`. */
export function railLine(step: string | null, theme: Theme): Line {
  return stepRail(step).flatMap(({ step: name, status }): Cell[] => {
    switch (status) {
      case 'done':
        return [{ text: ` ${theme.glyph('✓', '+')} ${name}`, tone: 'good' }];
      case 'current':
        return [{ text: ` ${theme.glyph('▸', '>')} ${name}`, tone: 'busy', bold: true }];
      case 'to-come':
        return [{ text: ` ${theme.glyph('·', '.')} ${name}`, tone: 'grey' }];
      default:
        return status satisfies never;
    }
  });
}

/** Where the rail has no room. */
function shortRail(step: string | null, theme: Theme): Line {
  return [{ text: ` ${theme.glyph('▸', '>')} step ${stepNumber(step)} ${step ?? ''}`, tone: 'busy', bold: true }];
}
