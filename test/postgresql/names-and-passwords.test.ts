import { readFile } from 'node:fs/promises';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import { prepareAdoption } from '@sikkerkey/engines/postgresql/adopt.ts';
import { createPostgresqlEngine } from '@sikkerkey/engines/postgresql/engine.ts';
import { inspect } from '@sikkerkey/engines/postgresql/inspect.ts';
import { doBlock, quoteIdentifier, quoteLiteral } from '@sikkerkey/engines/postgresql/quote.ts';
import { verifierAccepts } from '@sikkerkey/engines/postgresql/scram.ts';
import { availablePostgresqlVersions } from '@sikkerkey/local-servers/postgresql/start.ts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dependencies, type Fixture, patience, startFixture } from './fixture.ts';

/** Each broke the published agent, or would break naive quoting (wire-runtime D-30 to D-37). */
const nastyNames = [
  'my"role',
  "o'brien",
  'with space',
  'UPPER.lower-1',
  '$sk$',
  "\\'; DROP ROLE app --",
  'ünï©ode',
  '%I %L %s',
  'a$1b',
  '[sikkerkey slot',
];
const nastyPasswords: readonly string[] = [
  'with a space',
  "'leading quote and 'more'",
  'back\\slash\\',
  'pw sslmode=require',
  '&<>#%@:/?="$1',
  '$sk$ and $$',
  'ümläut and ß',
  '\u2168\u00ad\u00a0compatibility',
  '😀 beyond the first plane',
  '\u0627\u200c\u0628 mixed abc',
  '%25%s%L',
  'x'.repeat(300),
];

describe.each(await availablePostgresqlVersions())('names and passwords on PostgreSQL %i', (major) => {
  let db: Fixture;
  beforeAll(async () => {
    db = await startFixture({ major, settings: { log_statement: 'all', log_min_duration_statement: '0', log_connections: 'on' } });
  }, 60_000);
  afterAll(() => db.stop());

  it.each(nastyNames)('rotates exactly the role %j, and none that its name resembles', async (owner) => {
    const app = await db.makeApp({ owner });
    const engine = createPostgresqlEngine(app.config, dependencies);
    const others = await db.sql('SELECT rolname, rolcanlogin, rolpassword FROM pg_authid WHERE rolname NOT IN ($1, $2, $3) ORDER BY 1', [
      owner,
      `${owner}_a`,
      `${owner}_b`,
    ]);

    await prepareAdoption(app.config, 1, dependencies, patience(), null);
    const session = await engine.openSession(app.config.secretId, 2, patience(), null);
    await session.execute({ kind: 'enable', slot: 'a', version: 2 }, [app.candidate(2, 'a')], patience());
    await session.execute({ kind: 'disable', slot: 'owner' }, [], patience());
    await session.close();

    expect(await engine.verify(app.candidate(2, 'a'), patience())).toEqual({ kind: 'verified' });
    expect(await db.tryLogin(owner, app.password)).toBe('28P01');
    const after = await db.sql('SELECT rolname, rolcanlogin, rolpassword FROM pg_authid WHERE rolname NOT IN ($1, $2, $3) ORDER BY 1', [
      owner,
      `${owner}_a`,
      `${owner}_b`,
    ]);
    expect(after).toEqual(others);
  });

  it('does not touch the role whose name is left when the quotes are deleted', async () => {
    await db.sql(`CREATE ROLE quoted LOGIN PASSWORD 'unrelated-role-here'`);
    const app = await db.makeApp({ owner: 'quo"ted', strategy: 'single' });
    const session = await createPostgresqlEngine(app.config, dependencies).openSession(app.config.secretId, 1, patience(), null);

    await session.execute({ kind: 'set', version: 2 }, [app.candidate(2, 'owner')], patience());
    await session.close();

    expect(await db.tryLogin('quoted', 'unrelated-role-here')).toBeNull();
  });

  it.each(nastyPasswords)('brings in the password %j as the server itself would have', async (password) => {
    const app = await db.makeApp({ strategy: 'single' });
    const engine = createPostgresqlEngine(app.config, dependencies);
    const candidate = app.candidate(2, 'owner', password);
    const session = await engine.openSession(app.config.secretId, 1, patience(), null);

    await session.execute({ kind: 'set', version: 2 }, [candidate], patience());
    const shape = await session.look([candidate], patience());
    await session.close();

    expect(shape.logins[0]?.accepts).toEqual([2]);
    // What the server itself computes from the clear password must accept the same one.
    await db.sql(`CREATE ROLE "oracle ${app.owner}" LOGIN`);
    await db.sql(
      `DO $do$ BEGIN SET LOCAL log_statement = 'none'; SET LOCAL password_encryption = 'scram-sha-256'; EXECUTE format('ALTER ROLE %I PASSWORD %L', 'oracle ${app.owner}', convert_from(decode('${Buffer.from(password).toString('hex')}', 'hex'), 'UTF8')); END $do$`,
    );
    const [oracle] = await db.sql('SELECT rolpassword FROM pg_authid WHERE rolname = $1', [`oracle ${app.owner}`]);
    expect(await verifierAccepts(String(oracle?.['rolpassword']), app.owner, new SecretText(password))).toBe(true);
  });

  it.each(nastyPasswords.filter((password) => !password.includes('\u200c')))('logs in with the password %j', async (password) => {
    const app = await db.makeApp({ strategy: 'single' });
    const engine = createPostgresqlEngine(app.config, dependencies);
    const candidate = app.candidate(2, 'owner', password);
    const session = await engine.openSession(app.config.secretId, 1, patience(), null);

    await session.execute({ kind: 'set', version: 2 }, [candidate], patience());
    await session.close();

    expect(await engine.verify(candidate, patience())).toEqual({ kind: 'verified' });
  });

  it('never lets a password reach the log of a server that logs every statement', async () => {
    const app = await db.makeApp({ password: 'chosen-before-adoption' });
    const engine = createPostgresqlEngine(app.config, dependencies);
    await prepareAdoption(app.config, 1, dependencies, patience(), null);
    const session = await engine.openSession(app.config.secretId, 1, patience(), null);
    const candidate = app.candidate(2, 'a', 'canary-7f3b-must-never-be-logged');

    await session.execute({ kind: 'enable', slot: 'a', version: 2 }, [candidate], patience());
    await session.look([candidate], patience());
    await engine.verify(candidate, patience());
    await session.execute({ kind: 'set', version: 2 }, [candidate], patience());
    await session.execute({ kind: 'disable', slot: 'b' }, [candidate], patience());
    await session.close();

    const log = await readFile(db.server.logFile, 'utf8');
    expect(log).toContain(`ALTER ROLE "${app.owner}_a" LOGIN PASSWORD 'SCRAM-SHA-256$4096:`);
    expect(log).not.toContain('canary-7f3b-must-never-be-logged');
    expect(log).not.toContain(db.server.password.reveal());
  });

  it('reads back every text that was quoted, in a literal, in a name and inside a DO block', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((one) => !one.includes('\0') && one !== '');
    await fc.assert(
      fc.asyncProperty(text, async (value) => {
        const [row] = await db.sql(`SELECT ${quoteLiteral(value)} AS ${quoteIdentifier(`n${value}`.slice(0, 10))}, $1::text AS expected`, [
          value,
        ]);
        expect(Object.values(row ?? {})[0]).toBe(value);
        const block = doBlock(`BEGIN PERFORM set_config('my.text', ${quoteLiteral(value)}, true); END`);
        expect(await db.sql(`${block}`)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses a name that has no room for the suffix of a slot, before anything is changed', async () => {
    const app = await db.makeApp({ owner: 'n'.repeat(62) });

    const { findings } = await inspect(app.config, 'adopt', dependencies, patience());

    expect(findings).toContainEqual({ code: 'role-name-too-long', severity: 'blocks', details: { role: app.owner, bytes: 62, limit: 61 } });
    await expect(prepareAdoption(app.config, 1, dependencies, patience(), null)).rejects.toMatchObject({ code: 'role-name-too-long' });
    expect(await db.sql(`SELECT rolname FROM pg_roles WHERE rolname LIKE 'nnn%'`)).toEqual([{ rolname: app.owner }]);
  });

  it('adopts the longest name that fits', async () => {
    const app = await db.makeApp({ owner: `ü${'n'.repeat(59)}` });

    await prepareAdoption(app.config, 1, dependencies, patience(), null);

    expect(await db.sql('SELECT rolname FROM pg_roles WHERE rolname = $1', [`${app.owner}_b`])).toHaveLength(1);
  });
});
