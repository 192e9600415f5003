/** A password that was written down wrongly: nothing is begun, so that there is nothing to get out of. */
import { afterAll, beforeAll, expect, test } from 'vitest';
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
