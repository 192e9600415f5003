/**
 * The plan before a rotation, as lines. What one must read before saying yes (what blocks, what is warned of) stands
 * first, and a yes counts only once it has been on the screen.
 */
import { errorLines, wordsForError } from '@sikkerkey/ui-shared/wording/errors.ts';
import { planParts, stepLines } from '@sikkerkey/ui-shared/wording/plan.ts';
import type { PlanPhase } from '../console-state.ts';
import { type Cell, fitLine, type Line } from '../frame/cells.ts';
import { wrapText } from '../frame/wrap.ts';
import type { Theme } from '../theme.ts';

export interface PlanText {
  readonly lines: readonly Line[];
  /** So many lines must have been seen before a yes. */
  readonly mustRead: number;
}

/** Whether a yes would do something. */
export function mayConfirm(phase: PlanPhase): boolean {
  return phase.kind === 'shown' && phase.plan.findings.every(({ severity }) => severity !== 'blocks');
}

export function planText(name: string, phase: PlanPhase, width: number): PlanText {
  switch (phase.kind) {
    case 'asking':
      return textOf([[{ text: ` asking the daemon what a rotation of ${name} would do`, tone: 'grey' }]], [], width);
    case 'failed':
      return textOf(
        errorLines(wordsForError(phase.code, phase.details), width - 1).flatMap((text, index) =>
          wrapped(text, width, index === 0 ? 'bad' : 'plain', index === 0),
        ),
        [],
        width,
      );
    case 'shown':
    case 'rotating': {
      const { facts, findings, now, later } = planParts(phase.plan);
      const marked = (urgent: boolean): readonly Line[] =>
        findings
          .filter(({ severity }) => (severity !== 'informs') === urgent)
          .flatMap(({ severity, line, nextStep }) => [
            ...wrapped(line, width, toneOf[severity], severity === 'blocks'),
            ...stepLines(nextStep, width - 1).map((text): Line => [{ text: ` ${text}`, tone: 'accent', bold: true }]),
          ]);
      const [title = '', ...rest] = facts;
      const first = [...wrapped(title, width, 'plain', true), ...marked(true)];
      const others = [rest, now, later].filter((lines) => lines.length > 0);
      const notes = marked(false);
      return textOf(
        first,
        [
          ...others.flatMap((lines, index) => [...(index === 0 ? [] : [[]]), ...lines.flatMap((text) => wrapped(text, width, 'plain'))]),
          ...(notes.length === 0 ? [] : [[], ...notes]),
        ],
        width,
      );
    }
    default:
      return phase satisfies never;
  }
}

/** The question below the plan; it stays where it is while the plan scrolls. */
export function planQuestion(name: string, phase: PlanPhase, isRead: boolean, width: number, theme: Theme): Line {
  switch (phase.kind) {
    case 'asking':
    case 'failed':
      return fitLine([], width);
    case 'rotating':
      return fitLine([{ text: ` asking the daemon to rotate ${name}`, tone: 'busy' }], width);
    case 'shown': {
      if (!mayConfirm(phase))
        return fitLine([{ text: ' This plan cannot run until what blocks it is mended.', tone: 'bad', bold: true }], width);
      if (isRead) return fitLine([{ text: ` Rotate ${name} now?`, tone: 'accent', bold: true }], width);
      return fitLine(
        [{ text: ` There are more warnings below: read them first (${theme.glyph('↓', 'down')}, PgDn).`, tone: 'warn', bold: true }],
        width,
      );
    }
    default:
      return phase satisfies never;
  }
}

const toneOf = { blocks: 'bad', warns: 'warn', informs: 'plain' } as const satisfies Record<string, Cell['tone']>;

function textOf(mustRead: readonly Line[], others: readonly Line[], width: number): PlanText {
  return { lines: [...mustRead, ...others].map((line) => fitLine(line, width)), mustRead: mustRead.length };
}

function wrapped(text: string, width: number, tone: Cell['tone'], bold = false): readonly Line[] {
  return wrapText(` ${text}`, width, 7).map((line) => [{ text: line, tone, ...(bold ? { bold } : {}) }]);
}
