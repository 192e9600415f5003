/** Pages name files; a file that was moved must not leave a page behind that points at nothing. Decisions are records of their day and are left alone. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './source-files.ts';

const pages = ['README.md', 'CONTRIBUTING.md', 'docs/architecture.md', 'docs/threat-model.md', 'docs/what-is-never-logged.md'];
/** `folder/…` in backticks, without placeholders. */
const namedPath = /`((?:[a-z0-9.-]+\/)+[a-z0-9.-]*)`/g;
/** Made by commands, and so not always there. */
const isMade = (path: string): boolean => path.startsWith('dist/') || path.startsWith('node_modules/');

export function checkNamedFiles(read: (page: string) => string = readPage, exists: (path: string) => boolean = isThere): string[] {
  return pages.flatMap((page) =>
    [...read(page).matchAll(namedPath)]
      .map((match) => match[1] ?? '')
      .filter((path) => !isMade(path) && !exists(path))
      .map((path) => `${page}: ${path} does not exist`),
  );
}

const readPage = (page: string): string => readFileSync(join(repositoryRoot, page), 'utf8');
const isThere = (path: string): boolean => existsSync(join(repositoryRoot, path));
