import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { storageContract } from '../contract/storage-contract.ts';
import { openSqliteStorage } from './open.ts';

storageContract('SQLite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'vault-store-'));
  return {
    open: () => openSqliteStorage({ file: join(directory, 'vault.db'), random: systemRandom }),
    remove: () => rm(directory, { recursive: true }),
  };
});
