/** `sikkerkey get` and what it makes a rotation wait for, on real servers: who is named, until when, and the way out. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Managed, Stand } from '../crash/stand.ts';
import { eventually } from '../daemon/programs.ts';
import { type Ended, runCli } from './programs.ts';

const drainDeadlineMs = 3_600_000;
let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open({ drainDeadlineMs });
}, 60_000);

afterAll(() => stand?.close());

async function sikkerkey(...args: string[]): Promise<Ended> {
  const ended = await runCli(stand.home, args);
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}

/** One rotation after which the version that was printed drains. */
async function rotated({ secretId }: Managed): Promise<string> {
  const { rotationId } = await stand.client((client) => client.call('agent.rotate', { secretId }));
  await eventually('the new version is live', async () => {
    const { rotations } = await stand.operator('listRotations', { secretId });
    return rotations.find((one) => one.rotationId === rotationId)?.state === 'promoted';
  });
  return rotationId;
}

test('five printed values are one holder, named with its way out wherever a rotation waits, until an operator ends the wait', async () => {
  const managed = await stand.adopted();
  const { secretId } = managed;
  for (let read = 0; read < 5; read += 1) await sikkerkey('get', secretId, 'password');
  const rotationId = await rotated(managed);
  const holder = /5 command-line reads on stand, last \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/;
  const wayOut = `sikkerkey admin retire-now ${secretId}`;

  const listed = await sikkerkey('admin', 'rotations', secretId);
  const waiting = await sikkerkey('agent', 'rotate', secretId, '--yes');
  const asOperator = await sikkerkey('admin', 'rotate', secretId);
  const refused = await runCli(stand.home, ['admin', 'secret', 'delete', secretId, '--yes']);

  expect(listed.stdout).toMatch(holder);
  expect(listed.stdout).toContain('at the latest');
  expect(listed.stderr).toContain(wayOut);
  for (const { stderr } of [waiting, asOperator]) {
    expect(stderr).toMatch(holder);
    expect(stderr).toMatch(/at the latest until \d{4}-/);
    expect(stderr).toContain(wayOut);
    expect(stderr).toContain('lock out whoever still uses the old password');
  }
  expect(refused.code).toBe(6);
  expect(refused.stderr).toContain('still use the previous version: 1, at the latest until 20');
  expect(refused.stderr).toContain(wayOut);

  const unasked = await runCli(stand.home, ['admin', 'retire-now', secretId]);
  const ended = await sikkerkey('admin', 'retire-now', secretId, '--yes');

  expect(unasked).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stdout).toMatch(holder);
  await stand.retired(secretId, rotationId);
}, 120_000);

test('a read that says for how long its value is used holds no longer', async () => {
  const managed = await stand.adopted();
  await sikkerkey('get', managed.secretId, 'password', '--held-for', '2s');

  const rotationId = await rotated(managed);

  await stand.retired(managed.secretId, rotationId);
}, 60_000);

test('a time that means nothing is refused before anything is read', async () => {
  const { secretId } = await stand.adopted();

  const ended = await runCli(stand.home, ['get', secretId, '--held-for', '10ms']);

  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stderr).toContain('--held-for is one second at least');
});
