/** `docs/errors.md`: every code of the catalogue, so that a search for it ends at an answer. */
import { type ErrorCode, errorCatalogue } from '@sikkerkey/protocol/error-catalogue.ts';
import type { CatalogueEntry } from '@sikkerkey/protocol/errors/entry.ts';

export function describeErrors(): string {
  const codes = (Object.keys(errorCatalogue) as ErrorCode[]).sort();
  const intro = [
    '# Errors',
    '',
    'Written from `protocol/error-catalogue.ts` by `npm run docs`. `{name}` stands for a fact of the case; a word in capitals',
    'in a command for what the programs fill in where they know it. Exit codes:',
    '1 failed · 2 usage · 3 daemon unreachable · 4 denied · 5 not found · 6 needs attention · 7 conflict.',
    '',
  ];
  return [...intro, ...codes.flatMap((code) => describe(code, errorCatalogue[code]))].join('\n');
}

function describe(code: string, entry: CatalogueEntry): string[] {
  return [
    `## ${code}`,
    '',
    `**${entry.title}**`,
    '',
    `- What happened: ${entry.whatHappened}`,
    `- What still works: ${entry.stillWorks}`,
    `- Who must act: ${entry.whoMustAct}; trying again ${entry.retryable ? 'can help' : 'does not help'}`,
    `- What to do: ${entry.remedy === null ? 'wait' : `\`${entry.remedy}\``}`,
    `- Exit code: ${entry.exit}`,
    '',
  ];
}
