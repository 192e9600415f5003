/** Plain tables: columns as wide as their cells, two spaces between, wide characters counted as the terminal shows them. */
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import { padToWidth, textWidth } from '@sikkerkey/ui-shared/wording/text-width.ts';

/** Cells are made safe here. */
export function tableLines(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [header, ...rows.map((row) => row.map(safeText))];
  const widths = header.map((_, column) => Math.max(...all.map((row) => textWidth(row[column] ?? ''))));
  return all.map((row) =>
    row
      .map((cell, column) => padToWidth(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** `name:  value` lines with the values aligned. */
export function factLines(facts: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...facts.map(([name]) => name.length)) + 1;
  return facts.map(([name, value]) => `${`${name}:`.padEnd(width)}  ${safeText(value)}`);
}
