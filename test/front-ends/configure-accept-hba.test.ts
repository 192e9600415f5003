import { makeAgentFact } from '@sikkerkey/test/support/facts.ts';
import { Refusal } from '@sikkerkey/test/support/fake-daemon.ts';
import { beforeEach, expect, test } from 'vitest';
import { setStage } from './stage.ts';

const stage = setStage();
const accept = ['agent', 'configure', '--secret', 'sk_payments', '--accept-hba'];
const place = ['--provider', 'postgresql', '--host', 'h', '--admin-user', 'root', '--admin-pass-stdin'];
const called = () => stage.daemon.calls.map(({ method }) => method).filter((method) => method.startsWith('agent.'));

beforeEach(() => {
  stage.daemon.on('agent.configure', () => makeAgentFact(1_700_000_000_000));
  stage.daemon.on('agent.acceptHba', () => ({ findings: [] }));
});

test('alone, the word on pg_hba.conf leaves the connection as it is', async () => {
  expect((await stage.run(accept)).code).toBe(0);
  expect(called()).toEqual(['agent.acceptHba']);
});

test.each([['--port', '5433'], ['--tls', 'disable'], ['--admin-pass', 'canary-5ecre7-value'], ['--admin-pass-stdin'], ['--vault', 'v_1']])(
  'beside %s it is a configuration, of which nothing is passed over',
  async (...option) => {
    const { code, stderr } = await stage.run([...accept, ...option]);

    expect(code).toBe(2);
    expect(stderr).toContain('--provider is missing');
    expect(called()).toEqual([]);
  },
);

test('what was configured is said, also where the database gives no answer about pg_hba.conf', async () => {
  stage.daemon.on('agent.acceptHba', () => {
    throw new Refusal('database-unreachable', { host: 'h', port: 5432, database: 'd' });
  });

  const { code, stdout, stderr } = await stage.run([...accept, ...place], { input: 'pw\n' });

  expect(code).toBe(6);
  expect(stdout).toContain('configured sk_payments');
  expect(stderr).toContain('(database-unreachable)');
});
