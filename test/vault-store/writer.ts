/** Child of the durability test: writes without pause and reports each acknowledged write to its parent, until it is killed. */
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { expectDone, sealFor, Vault } from '@sikkerkey/vault-server/storage/contract/fixture.ts';
import { openSqliteStorage } from '@sikkerkey/vault-server/storage/sqlite/open.ts';

const file = process.argv[2] ?? '';
const open = () => openSqliteStorage({ file, random: systemRandom });
const vault = await Vault.create({ open, remove: async () => undefined });
const project = await vault.project();
const secrets = await Promise.all(Array.from({ length: 8 }, () => vault.plainSecret(project)));

async function writeForEver(secretId: string): Promise<void> {
  for (;;) {
    const caller = vault.operator();
    const written = expectDone(await vault.storage.updateSecret({ caller, secretId, fieldNames: null, seal: sealFor }));
    process.send?.([secretId, written.version, caller]);
  }
}

await Promise.all(secrets.map(writeForEver));
