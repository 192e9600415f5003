/** Every import of a file, whatever its form: static, side effect only, type only, re-export, dynamic, `import('…')` type, require. */
import { lineAt, separateCode } from './code-text.ts';

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Gone when the program runs: `import type`, `export type`. */
  readonly typeOnly: boolean;
}

/** Strings are blank in the searched text, so none of these is found inside of one. The first quote opens the specifier. */
const staticForms = [
  /\bimport\s+(?:type\s+)?[\w\s{},*$]*?\bfrom\s*(['"])/g,
  /\bexport\s+(?:type\s+)?(?:\*(?:\s+as\s+[\w$]+)?|\{[\w\s,$]*\})\s*from\s*(['"])/g,
  /\bimport\s*(['"])/g,
];
const calledForm = /(?<![.\w])(?:import|require)\s*\(\s*(['"]) *\1\s*[,)]/g;
const anyCall = /(?<![.\w])(?:import|require)\s*\(/g;
const typeOnlyForm = /^(?:import|export)\s+type\b/;

export interface Imports {
  readonly imports: readonly Import[];
  /** Lines with `import(expression)` or `require(expression)`: what is loaded there cannot be read from the code. */
  readonly computed: readonly number[];
}

export function findImports(source: string): Imports {
  const { code, strings } = separateCode(source);
  const called = [...code.matchAll(calledForm)];
  const matches = [...staticForms.flatMap((form) => [...code.matchAll(form)]), ...called];
  const imports = matches.flatMap((match): Import[] => {
    const specifier = strings.get(match.index + match[0].search(/['"]/));
    if (specifier === undefined) return [];
    return [{ specifier, line: lineAt(source, match.index), typeOnly: typeOnlyForm.test(match[0]) }];
  });
  const known = new Set(called.map((match) => match.index));
  const computed = [...code.matchAll(anyCall)].filter((match) => !known.has(match.index)).map((match) => lineAt(source, match.index));
  return { imports: imports.sort((a, b) => a.line - b.line), computed };
}
