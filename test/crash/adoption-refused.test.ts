/** Adoptions that are not begun, so that there is nothing to get out of. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../daemon/programs.ts';
import { Stand } from './stand.ts';

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open({});
}, 60_000);

afterAll(() => stand?.close());

test('an adoption under a password that does not log in is refused, changes nothing, and can be begun again', async () => {
  const { secretId, owner, firstPassword } = await stand.manage(1_000);
  await stand.sql(`ALTER ROLE ${owner} PASSWORD 'another-password-than-the-vault-holds'`);
  const adopt = () => stand.client((client) => client.call('agent.adopt', { secretId }));

  await expect(adopt()).rejects.toMatchObject({ data: { code: 'current-password-wrong' } });

  expect(await stand.sql(`SELECT rolname FROM pg_roles WHERE rolname LIKE '${owner}\\_%'`)).toEqual([]);
  expect((await stand.operator('listRotations', { secretId })).rotations).toEqual([]);
  await stand.sql(`ALTER ROLE ${owner} PASSWORD '${firstPassword}'`);
  const { rotationId } = await adopt();
  await stand.retired(secretId, rotationId);
}, 60_000);

test('while the login that was adopted drains, its way back is not planned: whoever said yes to that would be refused', async () => {
  const { secretId } = await stand.manage(60_000);
  const { rotationId } = await stand.client((client) => client.call('agent.adopt', { secretId }));
  await eventually('the login drains', async () => (await stand.agent(secretId)).state === 'DRAINING', 20_000);

  for (const kind of ['un-adopt', 'adopt'] as const) {
    const planned = stand.client((client) => client.call('agent.plan', { secretId, kind }));
    await expect(planned).rejects.toMatchObject({ data: { code: 'agent-busy' } });
  }

  await stand.operator('retireNow', { secretId });
  await stand.retired(secretId, rotationId);
  const plan = await stand.client((client) => client.call('agent.plan', { secretId, kind: 'un-adopt' }));
  expect(plan.statements).not.toEqual([]);
}, 60_000);
