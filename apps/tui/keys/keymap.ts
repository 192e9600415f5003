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
  | 'page-down'
  | 'page-up'
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
  /** As shown: `↓ j`, with an ASCII form. */
  readonly shown: string;
  readonly ascii: string;
  readonly help: string;
  /** In the footer, where it fits; the first are the most important. */
  readonly footer?: string;
}

export const keymap: readonly Binding[] = [
  {
    context: 'list',
    keys: ['r'],
    command: 'plan-rotation',
    shown: 'r',
    ascii: 'r',
    help: 'rotate: shows the plan, then asks',
    footer: 'rotate…',
  },
  { context: 'list', keys: ['down', 'j'], command: 'select-next', shown: '↓ j', ascii: 'down j', help: 'next agent', footer: 'move' },
  { context: 'list', keys: ['up', 'k'], command: 'select-previous', shown: '↑ k', ascii: 'up k', help: 'previous agent' },
  { context: 'list', keys: ['g', 'home'], command: 'select-first', shown: 'g', ascii: 'g', help: 'first agent' },
  { context: 'list', keys: ['G', 'end'], command: 'select-last', shown: 'G', ascii: 'G', help: 'last agent' },
  { context: 'list', keys: ['ctrl-d', 'page-down'], command: 'page-down', shown: '^d', ascii: '^d', help: 'half a page down' },
  { context: 'list', keys: ['ctrl-u', 'page-up'], command: 'page-up', shown: '^u', ascii: '^u', help: 'half a page up' },
  { context: 'plan', keys: ['y', 'enter'], command: 'confirm-rotation', shown: 'y', ascii: 'y', help: 'rotate now', footer: 'rotate now' },
  { context: 'plan', keys: ['down', 'j'], command: 'select-next', shown: '↓ j', ascii: 'down j', help: 'scroll the plan' },
  { context: 'plan', keys: ['up', 'k'], command: 'select-previous', shown: '↑ k', ascii: 'up k', help: 'scroll the plan' },
  {
    context: 'plan',
    keys: ['esc', 'n', 'q'],
    command: 'close',
    shown: 'esc',
    ascii: 'esc',
    help: 'back, nothing is done',
    footer: 'back, nothing is done',
  },
  { context: 'help', keys: ['esc', '?', 'q', 'enter'], command: 'close', shown: 'esc', ascii: 'esc', help: 'back', footer: 'back' },
  { context: 'list', keys: ['?'], command: 'show-help', shown: '?', ascii: '?', help: 'this help', footer: 'all keys' },
  { context: 'list', keys: ['q'], command: 'quit', shown: 'q', ascii: 'q', help: 'quit; the daemon goes on', footer: 'quit' },
  { context: 'everywhere', keys: ['ctrl-z'], command: 'suspend', shown: '^z', ascii: '^z', help: 'suspend (fg comes back)' },
  { context: 'everywhere', keys: ['ctrl-c'], command: 'quit', shown: '^c', ascii: '^c', help: 'quit; the daemon goes on' },
];

/** What a key does here; null when it does nothing. */
export function commandFor(context: KeyContext, key: string): CommandName | null {
  const found = keymap.find((binding) => (binding.context === context || binding.context === 'everywhere') && binding.keys.includes(key));
  return found?.command ?? null;
}

export function bindingsOf(context: KeyContext): readonly Binding[] {
  return keymap.filter((binding) => binding.context === context || binding.context === 'everywhere');
}
