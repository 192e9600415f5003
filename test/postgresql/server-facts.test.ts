import { availablePostgresqlVersions } from '@sikkerkey/local-servers/postgresql/start.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from './fixture.ts';

/** What the strategy rests on, asked of the servers themselves without any of our code (rotation.md §3.1). */
describe.each(await availablePostgresqlVersions())('PostgreSQL %i', (major) => {
  let db: Fixture;
  beforeAll(async () => {
    db = await startFixture({ major });
  }, 60_000);
  afterAll(() => db.stop());

  it('cannot drop a login that created objects as itself, and can when it took the role of the owner', async () => {
    await db.sql(
      "CREATE ROLE team; CREATE ROLE as_itself LOGIN PASSWORD 'x' IN ROLE team; CREATE ROLE as_team LOGIN PASSWORD 'x' IN ROLE team",
    );
    await db.sql("ALTER ROLE as_team SET role TO 'team'; CREATE SCHEMA team_schema AUTHORIZATION team");
    for (const login of ['as_itself', 'as_team']) {
      const session = await db.session(login, 'x');
      await session.query(`CREATE TABLE team_schema.of_${login} (id int)`);
      await session.end();
    }

    await expect(db.sql('DROP ROLE as_itself')).rejects.toMatchObject({ code: '2BP01' });
    await db.sql('DROP ROLE as_team');
  });

  it.each(['DISCARD ALL', 'RESET ALL', 'RESET ROLE', 'RESET SESSION AUTHORIZATION'])(
    'keeps a login in the role of its owner through %s',
    async (statement) => {
      const suffix = statement.toLowerCase().replaceAll(' ', '_');
      await db.sql(`CREATE ROLE owner_${suffix}; CREATE ROLE login_${suffix} LOGIN PASSWORD 'x' IN ROLE owner_${suffix}`);
      await db.sql(`ALTER ROLE login_${suffix} SET role TO 'owner_${suffix}'`);
      const session = await db.session(`login_${suffix}`, 'x');

      await session.query(statement);
      const { rows } = await session.query<{ role: string }>('SELECT current_user AS role');
      await session.end();

      expect(rows).toEqual([{ role: `owner_${suffix}` }]);
    },
  );

  it('leaves live sessions alone when their login is closed, expires or changes its password', async () => {
    await db.sql("CREATE ROLE living LOGIN PASSWORD 'x'");
    const session = await db.session('living', 'x');

    await db.sql("ALTER ROLE living NOLOGIN PASSWORD NULL VALID UNTIL '2001-01-01'");
    const { rows } = await session.query('SELECT 1 AS one');
    await session.end();

    expect(rows).toEqual([{ one: 1 }]);
    expect(await db.tryLogin('living', 'x')).toBe('28P01');
  });

  it('says 28P01 for a wrong password and 28000 for the right one of a login that is closed', async () => {
    await db.sql("CREATE ROLE closed_login NOLOGIN PASSWORD 'x'");

    expect(await db.tryLogin('closed_login', 'wrong')).toBe('28P01');
    expect(await db.tryLogin('closed_login', 'x')).toBe('28000');
    expect(await db.tryLogin('never_existed', 'x')).toBe('28P01');
  });

  it('cuts a name after 63 bytes, so that a suffix can vanish', async () => {
    const name = 'n'.repeat(63);
    await db.sql(`CREATE ROLE ${name}`);

    await expect(db.sql(`CREATE ROLE ${name}_a`)).rejects.toMatchObject({ code: '42710' });
  });
});
