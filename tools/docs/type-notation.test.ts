import { expect, test } from 'vitest';
import * as z from 'zod';
import { typeNotation } from './type-notation.ts';

test('shows objects, lists, choices and limits as a reader of TypeScript expects them', () => {
  const type = z.object({
    name: z.string().min(1).max(8),
    port: z.int().min(1).max(65_535).optional(),
    mode: z.enum(['fast', 'safe']),
    tags: z.array(z.string()).max(3),
    nested: z.object({ id: z.string().regex(/^x/) }).nullable(),
    extra: z.record(z.string(), z.union([z.string(), z.number()])),
  });

  expect(typeNotation(type)).toBe(`{
  name: string; // 1 to 8 characters
  port?: number; // integer, 1 to 65535
  mode: "fast" | "safe";
  tags: Array<string>; // at most 3 items
  nested: {
    id: string; // ^x
  } | null;
  extra: Record<string, string | number>;
}`);
});

test('shows what takes no parameters as an empty object', () => {
  expect(typeNotation(z.object({}))).toBe('{}');
});
