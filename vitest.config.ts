/** One project for each section of `npm test`; `vitest run path` finds the right one by itself. */
import { defineConfig } from 'vitest/config';
import { testSections } from './tools/test-sections.ts';

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // What is waited for comes at once, or on a busy machine a little later.
    expect: { poll: { timeout: 15_000, interval: 20 } },
    projects: testSections.map((section) => ({
      extends: true as const,
      test: {
        name: section.name,
        include: [...section.include],
        exclude: ['**/node_modules/**', '**/dist/**', '**/.cache/**', ...section.exclude],
        testTimeout: section.timeoutMs,
        hookTimeout: Math.max(section.timeoutMs, 60_000),
        isolate: section.isolate,
      },
    })),
  },
});
