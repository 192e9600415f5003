/** pg_hba.conf of a server that runs: other lines, in force when this is done. */
import { writeFile } from 'node:fs/promises';
import type { LocalPostgresql } from '@sikkerkey/local-servers/postgresql/start.ts';
import pg from 'pg';
import { soon } from './soon.ts';

type Sql = (text: string) => Promise<readonly Record<string, unknown>[]>;

/** The path of the file. */
export async function hbaFileOf(sql: Sql): Promise<string> {
  return String((await sql('SHOW hba_file'))[0]?.['hba_file']);
}

/** Resolves when every login from now on meets what the file says, or what it said before where this cannot be parsed. */
export async function loadHbaFile(server: LocalPostgresql, sql: Sql, text: string): Promise<void> {
  const loadedAt = async (): Promise<unknown> => (await sql('SELECT pg_conf_load_time()::text AS at'))[0]?.['at'];
  await writeFile(await hbaFileOf(sql), text);
  const before = await loadedAt();
  await sql('SELECT pg_reload_conf()');
  await soon(async () => {
    if ((await loadedAt()) === before) throw new Error('pg_hba.conf is not loaded yet');
  });
  // The server tells its sessions first and reads the file then; it accepts nobody in between, so an answer says that it is read.
  const { host, port, database, superuser: user, password } = server;
  const client = new pg.Client({ host, port, database, user, password: password.reveal() });
  client.on('error', () => undefined);
  await client.connect().catch(() => undefined);
  await client.end().catch(() => undefined);
}
