/**
 * The live key map, as data: what a key does, where, and the words that the help and the footer show. A new screen adds
 * rows here and a case to its commands; the help follows by itself.
 */
export type KeyContext = 'list' | 'plan' | 'help';
export type CommandName =
  | 'select-next'
  | 'select-previous'
  | 'select-first'
  | 'select-last'
  | 'half-page-down'
  | 'half-page-up'
  | 'scroll-down'
  | 'scroll-up'
  | 'scroll-page-down'
  | 'scroll-page-up'
  | 'plan-rotation'
  | 'confirm-rotation'
  | 'show-help'
  | 'close'
  | 'suspend'
  | 'quit';

export interface Binding {
  readonly context: KeyContext | 'everywhere';
  readonly keys: readonly string[];
  readonly command: CommandName;
  /** As shown: `↓/j`, with an ASCII form. */
  readonly shown: string;
  readonly ascii: string;
  readonly help: string;
  /** In the footer, where it fits; the first are the most important. */
  readonly footer?: string;
}

type Row = Omit<Binding, 'context'>;

const leaving: Row = { keys: ['ctrl-c'], command: 'quit', shown: '^c', ascii: '^c', help: 'quit; the daemon goes on' };
const suspending: Row = { keys: ['ctrl-z'], command: 'suspend', shown: '^z', ascii: '^z', help: 'suspend (fg comes back)' };

const scrolling: readonly Row[] = [
  { keys: ['down', 'j'], command: 'scroll-down', shown: '↓/j', ascii: 'down/j', help: 'one line on', footer: 'scroll' },
  { keys: ['up', 'k'], command: 'scroll-up', shown: '↑/k', ascii: 'up/k', help: 'one line back' },
  {
    keys: ['page-down', 'ctrl-d', ' '],
    command: 'scroll-page-down',
    shown: 'PgDn/^d',
    ascii: 'PgDn/^d',
    help: 'one page on',
    footer: 'page',
  },
  { keys: ['page-up', 'ctrl-u'], command: 'scroll-page-up', shown: 'PgUp/^u', ascii: 'PgUp/^u', help: 'one page back' },
];

const inList: readonly Row[] = [
  { keys: ['r'], command: 'plan-rotation', shown: 'r', ascii: 'r', help: 'rotate: shows the plan, then asks', footer: 'rotate…' },
  { keys: ['down', 'j'], command: 'select-next', shown: '↓/j', ascii: 'down/j', help: 'next agent', footer: 'move' },
  { keys: ['up', 'k'], command: 'select-previous', shown: '↑/k', ascii: 'up/k', help: 'previous agent' },
  { keys: ['g', 'home'], command: 'select-first', shown: 'g/Home', ascii: 'g/Home', help: 'first agent' },
  { keys: ['G', 'end'], command: 'select-last', shown: 'G/End', ascii: 'G/End', help: 'last agent' },
  { keys: ['page-down', 'ctrl-d'], command: 'half-page-down', shown: 'PgDn/^d', ascii: 'PgDn/^d', help: 'half a page down' },
  { keys: ['page-up', 'ctrl-u'], command: 'half-page-up', shown: 'PgUp/^u', ascii: 'PgUp/^u', help: 'half a page up' },
  { keys: ['?'], command: 'show-help', shown: '?', ascii: '?', help: 'this help', footer: 'all keys' },
  { keys: ['q'], command: 'quit', shown: 'q', ascii: 'q', help: 'quit; the daemon goes on', footer: 'quit' },
];

const inPlan: readonly Row[] = [
  { keys: ['y', 'enter'], command: 'confirm-rotation', shown: 'y/enter', ascii: 'y/enter', help: 'rotate now', footer: 'rotate now' },
  {
    keys: ['esc', 'n', 'q'],
    command: 'close',
    shown: 'esc/n',
    ascii: 'esc/n',
    help: 'back, nothing is done',
    footer: 'back, nothing is done',
  },
  ...scrolling,
];

const inHelp: readonly Row[] = [
  { keys: ['esc', '?', 'q', 'enter'], command: 'close', shown: 'esc', ascii: 'esc', help: 'back', footer: 'back' },
  ...scrolling,
];

export const keymap: readonly Binding[] = [
  ...inList.map((row) => ({ ...row, context: 'list' as const })),
  ...inPlan.map((row) => ({ ...row, context: 'plan' as const })),
  ...inHelp.map((row) => ({ ...row, context: 'help' as const })),
  ...[suspending, leaving].map((row) => ({ ...row, context: 'everywhere' as const })),
];

/** What a key does here; null when it does nothing. */
export function commandFor(context: KeyContext, key: string): CommandName | null {
  const found = keymap.find((binding) => (binding.context === context || binding.context === 'everywhere') && binding.keys.includes(key));
  return found?.command ?? null;
}

export function bindingsOf(context: KeyContext): readonly Binding[] {
  return keymap.filter((binding) => binding.context === context || binding.context === 'everywhere');
}
