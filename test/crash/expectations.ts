/** What must be true once a rotation is over, whatever happened on the way. */

import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import { eventually } from '../daemon/programs.ts';
import { machineClient } from './login-meter.ts';
import type { Managed, Stand } from './stand.ts';

interface Row extends Record<string, unknown> {
  readonly name: string;
  readonly mayLogIn: boolean;
  readonly hasVerifier: boolean;
}

/** The live credential logs in, no other login of the secret does or has a verifier, and nothing is left in the journal. */
export async function expectNothingLeftBehind(stand: Stand, managed: Managed): Promise<void> {
  const client = await machineClient(stand);
  try {
    const read = await client.machine('readSecret', { secretId: managed.secretId, instance: 'after', pool: 'after' });
    const live = (JSON.parse(read.value) as { username: string }).username;
    const rows = await stand.sql<Row>(
      `SELECT rolname AS name, rolcanlogin AS "mayLogIn", rolpassword IS NOT NULL AS "hasVerifier"
         FROM pg_authid WHERE rolname IN ($1::text, $1::text || '_a', $1::text || '_b') ORDER BY 1`,
      [managed.owner],
    );
    expect(rows).toEqual(rows.map((row) => ({ name: row.name, mayLogIn: row.name === live, hasVerifier: row.name === live })));
    expect(rows.some((row) => row.name === live)).toBe(true);
    await client.machine('endInstance', { instance: 'after' });
  } finally {
    await client.close();
  }
  await eventually('the journal is empty', () => journalRows(stand, managed) === 0, 5_000);
}

export function journalRows(stand: Stand, managed: Managed): number {
  const { journalFile } = homeOf({ ...readEnvironment(), home: stand.home });
  const database = new Database(journalFile, { readonly: true });
  try {
    const row = database
      .prepare<[string], { count: number }>('SELECT count(*) AS count FROM rotation WHERE secret_id = ?')
      .get(managed.secretId);
    return row?.count ?? -1;
  } finally {
    database.close();
  }
}
