/** A real PostgreSQL with a small shop in it, and the one login that the application has used so far. */
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { type LocalPostgresql, startPostgresql } from '@sikkerkey/local-servers/postgresql/start.ts';
import { Client } from 'pg';

export interface ShopDatabase {
  readonly server: LocalPostgresql;
  readonly login: string;
  /** Today's password of the login; the vault takes it over, and the first rotation ends it. */
  readonly password: string;
}

const login = 'shop';

export async function startShopDatabase(): Promise<ShopDatabase> {
  const server = await startPostgresql();
  try {
    const password = Buffer.from(systemRandom.bytes(24)).toString('base64url');
    await makeShop(server, password);
    return { server, login, password };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function makeShop({ host, port, database, superuser, password }: LocalPostgresql, shopPassword: string): Promise<void> {
  const admin = new Client({ host, port, database, user: superuser, password: password.reveal() });
  await admin.connect();
  try {
    // The alphabet of base64url needs no quoting.
    await admin.query(`CREATE ROLE ${login} LOGIN PASSWORD '${shopPassword}'`);
    await admin.query('CREATE TABLE visit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, page text NOT NULL)');
    await admin.query(`ALTER TABLE visit OWNER TO ${login}`);
  } finally {
    await admin.end();
  }
}
