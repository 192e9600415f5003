/** The sections of `npm test`, in their order. Every test file belongs to exactly one: the first whose patterns fit. */

export interface TestSection {
  readonly name: string;
  readonly title: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Milliseconds for one test; real servers start and stop inside of some. */
  readonly timeoutMs: number;
  /** Modules are loaded once for all files of a worker: right for pure code, wrong for native modules and servers. */
  readonly isolate: boolean;
}

/** Suites written against an interface, and the files that run them on an implementation. */
const contracts = ['**/contract/**/*.test.ts', '**/storage/*/*-storage.test.ts'];
const exploration = 'test/exploration/**/*.test.ts';
const crash = 'test/crash/**/*.test.ts';
const publishedClient = 'test/published-client/**/*.test.ts';

export const testSections: readonly TestSection[] = [
  { name: 'unit', title: 'Unit', include: ['**/*.test.{ts,tsx}'], exclude: [...contracts, 'test/**'], timeoutMs: 15_000, isolate: false },
  { name: 'contract', title: 'Contracts', include: contracts, exclude: [], timeoutMs: 60_000, isolate: true },
  { name: 'exploration', title: 'Exhaustive exploration', include: [exploration], exclude: [], timeoutMs: 600_000, isolate: true },
  {
    name: 'servers',
    title: 'Real servers',
    include: ['test/**/*.test.{ts,tsx}'],
    exclude: [...contracts, exploration, crash, publishedClient],
    timeoutMs: 120_000,
    isolate: true,
  },
  { name: 'crash', title: 'Crashes', include: [crash], exclude: [], timeoutMs: 180_000, isolate: true },
  { name: 'published-client', title: 'Published client', include: [publishedClient], exclude: [], timeoutMs: 180_000, isolate: true },
];
