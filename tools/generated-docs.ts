/** Pages that are written from the code: the error catalogue and the local API. The check compares them with what is on disk. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeErrors } from './docs/errors-page.ts';
import { describeLocalApi } from './docs/local-api-page.ts';
import { repositoryRoot } from './source-files.ts';

const pages: readonly { readonly path: string; write(): string }[] = [
  { path: 'docs/errors.md', write: describeErrors },
  { path: 'docs/local-api.md', write: describeLocalApi },
];

export function writeDocs(): void {
  for (const page of pages) writeFileSync(join(repositoryRoot, page.path), page.write());
}

/** One line for each page that is not what the code says now. */
export async function staleDocs(): Promise<string[]> {
  return pages.flatMap((page) => {
    const path = join(repositoryRoot, page.path);
    const found = existsSync(path) ? readFileSync(path, 'utf8') : '';
    return found === page.write() ? [] : [`${page.path} is out of date: run npm run docs`];
  });
}
