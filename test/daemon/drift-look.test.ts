/** The look for drift after a start of the daemon, on real servers: what it costs the vault, and what it finds. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stand } from '../crash/stand.ts';
import { eventually } from './programs.ts';

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open();
}, 60_000);

afterAll(() => stand?.close());

/** What was audited of the secret since the entry with this number, oldest first. */
async function auditedSince(secretId: string, sequence: number): Promise<string[]> {
  const { entries } = await stand.operator('audit', { secretId });
  return entries
    .filter((entry) => entry.sequence > sequence && entry.actorKind === 'machine')
    .map(({ action }) => action)
    .toReversed();
}

async function newestEntry(secretId: string): Promise<number> {
  return (await stand.operator('audit', { secretId })).entries[0]?.sequence ?? 0;
}

/** The daemon waits ten seconds with it, since a database may be starting with the host. */
const lookWithinMs = 30_000;

test('asks the vault once and claims nothing where the database is as told', async () => {
  const { secretId } = await stand.adopted();
  const before = await newestEntry(secretId);
  await stand.restartDaemon();

  await eventually('a look', async () => (await auditedSince(secretId, before)).includes('rotation.look'), lookWithinMs);
  await eventually('at rest again', async () => (await stand.agent(secretId)).state === 'IDLE');

  expect(await auditedSince(secretId, before)).toEqual(['agent.configuration', 'rotation.look']);
}, 60_000);

test('repairs under a claim what a restored backup has closed', async () => {
  const { secretId, owner } = await stand.adopted();
  await stand.sql(`ALTER ROLE ${owner}_a NOLOGIN PASSWORD NULL`);
  const before = await newestEntry(secretId);
  await stand.restartDaemon();

  await eventually(
    'the login is open again',
    async () => (await stand.sql<{ open: boolean }>(`SELECT rolcanlogin AS open FROM pg_roles WHERE rolname = '${owner}_a'`))[0]?.open,
    lookWithinMs,
  );
  await eventually('given back', async () => (await auditedSince(secretId, before)).includes('rotation.release'));

  const audited = await auditedSince(secretId, before);
  expect(audited.filter((action) => action !== 'agent.configuration')).toEqual(['rotation.look', 'rotation.claim', 'rotation.release']);
}, 60_000);
