/** How many agents are in which condition: `41 agents  ✓38 ↻1 ◷1 ✖1`, with words where glyphs alone would not do. */
import type { Condition, ConditionName } from './agent-condition.ts';

export type ConditionCounts = Readonly<Partial<Record<ConditionName, number>>>;

export function countConditions(conditions: readonly Condition[]): ConditionCounts {
  const counts = new Map<ConditionName, number>();
  for (const { name } of conditions) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(counts);
}

/** `41: 38 OK, 2 LATE, 1 ROTATING`, most frequent first; the sum only where there is one. */
export function countWords(conditions: readonly Condition[]): string {
  const counts = Object.entries(countConditions(conditions)).toSorted(([, left], [, right]) => right - left);
  const words = counts.map(([name, count]) => `${count} ${name}`).join(', ');
  return counts.length === 1 ? words : `${conditions.length}: ${words}`;
}
