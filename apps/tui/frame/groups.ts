/** Several short facts in one line: where not all have room, the least important goes as a whole, never half of it. */
import { type Cell, fitLine, type Line, lineWidth } from './cells.ts';

export interface Group {
  readonly cells: Line;
  /** 1 is the last to go. */
  readonly rank: number;
}

const margin: Cell = { text: ' ', tone: 'plain' };
const gap: Cell = { text: '  ', tone: 'plain' };

/** Exactly `width` cells, the first of them empty; only a group that is alone may be cut. */
export function groupsLine(groups: readonly Group[], width: number): Line {
  let kept = groups;
  while (kept.length > 1 && lineWidth(joined(kept)) > width) {
    const least = kept.reduce((worst, group) => (group.rank > worst.rank ? group : worst));
    kept = kept.filter((group) => group !== least);
  }
  return fitLine(joined(kept), width);
}

function joined(groups: readonly Group[]): Line {
  return [margin, ...groups.flatMap(({ cells }, index) => (index === 0 ? cells : [gap, ...cells]))];
}
