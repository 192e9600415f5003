/** The plan before a rotation, as lines: statements with the values masked, the predicted outage, what blocks. */

import { errorLines, wordsForError } from '@sikkerkey/ui-shared/wording/errors.ts';
import { planLines } from '@sikkerkey/ui-shared/wording/plan.ts';
import { cutToWidth, textWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';
import type { PlanPhase } from '../console-state.ts';
import { type Cell, fitLine, type Line } from '../frame/cells.ts';

export function planModalLines(secretId: string, phase: PlanPhase, width: number): readonly Line[] {
  return contentLines(secretId, phase, width).map((line) => fitLine(line, width));
}

/** Whether `y` would do something. */
export function mayConfirm(phase: PlanPhase): boolean {
  return phase.kind === 'shown' && phase.plan.findings.every(({ severity }) => severity !== 'blocks');
}

function contentLines(secretId: string, phase: PlanPhase, width: number): readonly Line[] {
  switch (phase.kind) {
    case 'asking':
      return [[{ text: ` asking the daemon what a rotation of ${secretId} would do`, tone: 'grey' }]];
    case 'failed':
      return errorLines(wordsForError(phase.code, phase.details)).flatMap((text, index) =>
        wrapped(` ${text}`, width, index === 0 ? 'bad' : 'plain'),
      );
    case 'shown':
    case 'rotating': {
      const tail: Line =
        phase.kind === 'rotating'
          ? [{ text: ' asking the daemon to rotate', tone: 'busy' }]
          : mayConfirm(phase)
            ? [{ text: ' Rotate now?  y rotates, esc goes back', tone: 'accent', bold: true }]
            : [{ text: ' This plan cannot run until what blocks it is mended. esc goes back', tone: 'bad', bold: true }];
      const body = planLines(phase.plan).flatMap((text, index) => wrapped(` ${text}`, width, toneOf(text), index === 0));
      return [...body, [], tail];
    }
    default:
      return phase satisfies never;
  }
}

function toneOf(text: string): Cell['tone'] {
  if (text.includes('✖ blocks:')) return 'bad';
  return text.includes('⚠ warns:') || text.includes('OFF: the session') ? 'warn' : 'plain';
}

/** Long statements go on in the next line, indented; nothing of a plan is cut away. */
function wrapped(text: string, width: number, tone: Cell['tone'], bold = false): readonly Line[] {
  const lines: Line[] = [];
  let rest = text;
  while (textWidth(rest) > width && width > 12) {
    const head = cutToWidth(rest, width, '');
    const breakAt = head.lastIndexOf(' ');
    const cut = breakAt > width / 3 ? breakAt : head.length;
    lines.push([{ text: rest.slice(0, cut), tone, bold }]);
    rest = `       ${rest.slice(cut).trimStart()}`;
  }
  return [...lines, [{ text: rest, tone, bold }]];
}
