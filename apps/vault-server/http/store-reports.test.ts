import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { expect, test } from 'vitest';
import type { LogFields, VaultLog } from '../log.ts';
import { StoreReports } from './store-reports.ts';

test('a disk that fills up and is cleared is two lines, however many requests met it', () => {
  const lines: string[] = [];
  const write = (level: string, event: string, { code = '' }: LogFields = {}) => lines.push(`${level} ${event} ${code}`.trim());
  const reports = new StoreReports({ debugging: false, write, failure: () => undefined } as VaultLog);

  reports.answered();
  for (let count = 0; count < 3; count += 1) reports.refused(new CatalogueError('vault-disk-full', {}));
  reports.refused(new CatalogueError('not-authenticated', {}));
  reports.answered();
  reports.answered();

  expect(lines).toEqual(['error store.failed vault-disk-full', 'info store.recovered']);
});
