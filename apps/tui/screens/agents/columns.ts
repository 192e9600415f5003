/** The columns of the list for a given width: the name takes what is left; the least needed go first when it is narrow. */
export interface ColumnWidths {
  readonly condition: number;
  readonly name: number;
  readonly engine: number;
  readonly beats: number;
  readonly age: number;
  readonly next: number;
  readonly version: number;
  readonly step: number;
}

/** Selection mark, glyph (two cells: some are wide) and the gaps of one cell that every line has. */
const fixedCells = 5;
const longestName = 40;

/** All columns and their gaps are exactly `width` cells together; a width of 0 leaves the column out. */
export function columnsFor(width: number): ColumnWidths {
  const wish = { condition: 11, engine: 8, beats: 5, age: 4, next: 7, version: 5, step: 12 };
  const order = ['engine', 'next', 'step', 'beats', 'version'] as const;
  const shown = { ...wish };
  const used = (): number => fixedCells + Object.values(shown).reduce((sum, cells) => sum + (cells === 0 ? 0 : cells + 1), 0);
  for (const name of order) {
    if (width - used() >= 14) break;
    shown[name] = 0;
  }
  return { ...shown, name: Math.max(4, Math.min(longestName, width - used())) };
}
