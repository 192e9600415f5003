/** What is known of the selected agent, in a few lines: where it works, its rotation's steps, who still holds what, what is wrong. */
import { clockWords, dueWords, instantWords, spanWords } from '@sikkerkey/ui-shared/state/age.ts';
import type { AgentRow } from '@sikkerkey/ui-shared/state/overview.ts';
import { stepRail } from '@sikkerkey/ui-shared/state/step-rail.ts';
import { errorLine, wordsForError } from '@sikkerkey/ui-shared/wording/errors.ts';
import { tlsWords } from '@sikkerkey/ui-shared/wording/plan.ts';
import { holdOutWords } from '@sikkerkey/ui-shared/wording/progress.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import { type Cell, fitLine, type Line } from '../../frame/cells.ts';
import type { Theme } from '../../theme.ts';

const plain = (text: string): Cell => ({ text, tone: 'plain' });
const faint = (text: string): Cell => ({ text, tone: 'grey' });

/** As many lines as there is something to say; each exactly `width` cells. */
export function detailLines({ agent, condition }: AgentRow, now: number, width: number, theme: Theme): readonly Line[] {
  const dot = theme.glyph(' · ', ' | ');
  const place =
    agent.host === null
      ? 'connection kept by the vault'
      : `${safeText(agent.host)}:${agent.port ?? '?'}/${safeText(agent.database ?? '?')}`;
  const lines: Line[] = [
    [
      { text: ` ${theme.glyph(condition.glyph, condition.ascii)} ${condition.name}`, tone: condition.tone, bold: true },
      plain(`${dot}${safeText(agent.secretId)}${dot}${place}`),
    ],
    [
      faint(' strategy '),
      plain(agent.strategy === null ? 'not chosen' : agent.strategy),
      plain(agent.adopted ? ' (adopted)' : ' (not adopted)'),
      faint('  tls '),
      { text: agent.tls === null ? 'unknown' : tlsWords(agent.tls), tone: agent.tls === 'disable' ? 'warn' : 'plain' },
      faint('  since '),
      plain(spanWords(now - agent.since)),
      faint('  next '),
      plain(theme.ascii ? dueWords(agent.nextRotationAt, now).replace('—', '-') : dueWords(agent.nextRotationAt, now)),
    ],
  ];
  const rail = condition.tone === 'grey' ? [] : railLine(agent.step, theme);
  if (rail.length > 0 && condition.name !== 'OK') lines.push(rail);
  if (agent.holdOuts.length > 0) {
    const until = agent.drainDeadlineAt === null ? '' : `${dot}retired when nobody does, or at ${clockWords(agent.drainDeadlineAt)}`;
    lines.push([faint(' still held by '), plain(`${holdOutWords(agent)}${until}`)]);
  }
  if (agent.errorCode !== null) lines.push([{ text: ` ${errorLine(wordsForError(agent.errorCode, agent.errorDetails))}`, tone: 'warn' }]);
  if (agent.lastRotation !== null) {
    const { rotationId, outcome, endedAt, durationMs } = agent.lastRotation;
    lines.push([
      faint(' last '),
      plain(`${safeText(rotationId)} ${safeText(outcome)} ${instantWords(endedAt)} (${(durationMs / 1000).toFixed(1)} s)`),
    ]);
  }
  return lines.map((line) => fitLine(line, width));
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
