/** Runs the command line program as a person would, with `--json`, and reads its answer. */
import { fileURLToPath } from 'node:url';
import { ChildProgram, DemoFailure } from './child-program.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

const file = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

export interface CommandOptions {
  /** A secret for the command's standard input: never an argument. */
  readonly input?: string | undefined;
  /** For what the report needs, after the demo was asked to end. */
  readonly evenWhenInterrupted?: boolean | undefined;
}

export class SikkerkeyProgram {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #interrupted: AbortSignal;
  readonly #running = new Set<ChildProgram>();

  /** @param interrupted once this is aborted, no further command of the set-up is begun */
  constructor(environment: Readonly<Record<string, string>>, interrupted: AbortSignal) {
    this.#environment = environment;
    this.#interrupted = interrupted;
  }

  /** The answer of a command. Throws DemoFailure with what the command said when it fails. */
  async run(words: readonly string[], options: CommandOptions = {}): Promise<JsonObject> {
    if (this.#interrupted.aborted && options.evenWhenInterrupted !== true) throw new DemoFailure('interrupted');
    const lines: string[] = [];
    const program = this.#start(words, (line) => lines.push(line), options.input ?? '');
    const { code } = await program.ended;
    this.#running.delete(program);
    if (code === 0) return objectOf(lines.join('\n')) ?? {};
    throw new DemoFailure(`sikkerkey ${words.join(' ')} failed`, [...program.complaints, ...lines]);
  }

  /** A command that goes on, like `agent start`: `onObject` gets each JSON line. */
  follow(words: readonly string[], onObject: (object: JsonObject) => void): ChildProgram {
    const onLine = (line: string): void => {
      const object = objectOf(line);
      if (object !== null) onObject(object);
    };
    return this.#start(words, onLine, undefined);
  }

  /** Ends every command that is still running. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((program) => program.stop()));
  }

  #start(words: readonly string[], onLine: (line: string) => void, input: string | undefined): ChildProgram {
    const name = `sikkerkey ${words.slice(0, 2).join(' ')}`;
    const program = new ChildProgram({ name, file, args: [...words, '--json'], environment: this.#environment, onLine, input });
    this.#running.add(program);
    return program;
  }
}

/** The text at `name`. Throws DemoFailure where the program answered otherwise. */
export function textIn(answer: JsonObject, name: string): string {
  const value = answer[name];
  if (typeof value !== 'string') throw new DemoFailure(`the program's answer has no ${name}`);
  return value;
}

function objectOf(text: string): JsonObject | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as JsonObject) : null;
  } catch {
    return null;
  }
}
