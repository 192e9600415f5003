/** Draws one computed line. */
import { Text } from 'ink';
import type { Theme } from '../theme.ts';
import { asciiText } from './ascii-text.ts';
import type { Cell, Line } from './cells.ts';

interface LineViewProps {
  readonly line: Line;
  readonly theme: Theme;
}

export function LineView({ line, theme }: LineViewProps) {
  return <Text wrap="truncate">{line.map((part, index) => cellView(part, `cell-${index}`, theme))}</Text>;
}

/** Cells of a line never move: their place is their identity. */
function cellView({ text, tone, bold }: Cell, key: string, theme: Theme) {
  const color = theme.colour(tone);
  return (
    <Text key={key} bold={bold === true} {...(color === undefined ? {} : { color })}>
      {theme.ascii ? asciiText(text) : text}
    </Text>
  );
}
