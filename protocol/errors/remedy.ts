/**
 * A remedy as a command to paste. `{name}` stands for a fact of the case; a word in capitals for what the catalogue
 * cannot know and whoever shows the remedy often does. What is not known stays in capitals, to be typed.
 */
import type { CatalogueEntry } from './entry.ts';

type Facts = Readonly<Record<string, string | number>>;

/** The fact that fills each of the words in capitals. */
const factNames: Readonly<Record<string, string>> = {
  SECRET: 'secretId',
  MACHINE: 'machineId',
  PROJECT: 'projectId',
  PERMISSION: 'permission',
  DIR: 'dataDirectory',
  HOST: 'host',
  PORT: 'port',
  DATABASE: 'database',
  ADMIN: 'adminUser',
  TLS: 'tls',
};

/** Null where waiting is the remedy. `shown` makes a fact of the case safe to show. */
export function filledRemedy({ remedy }: Pick<CatalogueEntry, 'remedy'>, facts: Facts, shown: (text: string) => string): string | null {
  if (remedy === null) return null;
  const fact = (name: string): string | undefined => (Object.hasOwn(facts, name) ? shown(String(facts[name])) : undefined);
  return remedy
    .replace(/\{([A-Za-z]+)\}/g, (_, name: string) => fact(name) ?? '?')
    .replace(/\b[A-Z]+\b/g, (word) => {
      const known = Object.hasOwn(factNames, word) ? fact(factNames[word] ?? '') : undefined;
      return known === undefined ? word : shellWord(known);
    });
}

/** What a person pastes runs as it is read: a value from elsewhere is quoted unless it is plain. */
function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
