/** What a newcomer reads beside the results: what is wrong, what to do about it, and whether a script should stop. */
import { makeAgentFact, makeVaultFact } from '@sikkerkey/test/support/facts.ts';
import { Refusal } from '@sikkerkey/test/support/fake-daemon.ts';
import { describe, expect, test } from 'vitest';
import { setStage } from './stage.ts';

const stage = setStage();

const quarantined = { state: 'QUARANTINED', errorCode: 'foreign-password', errorDetails: { secretId: 'sk_payments' } };
const denied = { state: 'ACCESS_DENIED', errorCode: 'access-denied', errorDetails: { secretId: 'sk_payments', permission: 'rotate' } };

describe('agent list', () => {
  test('says nothing beside the table while all is well', async () => {
    expect((await stage.run(['agent', 'list'])).stderr).toBe('');
  });

  test('keeps the published columns and names the exit of a quarantined agent beside them', async () => {
    stage.daemon.changeAgent('sk_payments', quarantined);

    const { code, stdout, stderr } = await stage.run(['agent', 'list']);

    expect([code, stdout.split('\n')[1]]).toEqual([0, expect.stringMatching(/^sk_payments +postgresql +running/)]);
    expect(stderr).toContain('sk_payments is QUARANTINED: somebody else has changed the password of the live login');
    expect(stderr).toContain('sikkerkey agent repair --secret sk_payments --overwrite-foreign-password');
  });

  test('names the grant that an agent lacks: rotate, for this machine', async () => {
    stage.daemon.changeAgent('sk_payments', denied);

    expect((await stage.run(['agent', 'list'])).stderr).toContain(
      'sk_payments is DENIED: this machine has no grant for the secret; next: ' +
        `sikkerkey admin grant add sk_payments --machine ${makeVaultFact().machineId} --permission rotate`,
    );
  });

  test('shows the code of a server that the catalogue does not have, without calling the daemon newer', async () => {
    stage.daemon.changeAgent('sk_payments', { state: 'DATABASE_UNREACHABLE', errorCode: 'ECONNREFUSED', errorDetails: {} });

    expect((await stage.run(['agent', 'list'])).stderr).toContain(
      'sk_payments is BLOCKED: the database could not be used; next: sikkerkey agent test --secret sk_payments',
    );
  });
});

describe('status', () => {
  const paused = { running: false, state: 'STOPPED' };

  test.each([
    { name: 'all is well', facts: {}, exit: 0 },
    { name: 'an agent was stopped and nothing is wrong', facts: paused, exit: 0 },
    { name: 'an agent is quarantined', facts: quarantined, exit: 6 },
    { name: 'an agent was stopped while something was wrong', facts: { ...quarantined, ...paused }, exit: 6 },
    { name: 'what is wrong mends itself', facts: { errorCode: 'held-after-resume' }, exit: 0 },
  ])('ends with $exit when $name', async ({ facts, exit }) => {
    stage.daemon.changeAgent('sk_payments', facts);

    expect((await stage.run(['status'])).code).toBe(exit);
  });
});

test('status names what an operator has to do for a machine that waits for approval', async () => {
  stage.daemon.putVault(makeVaultFact({ machineState: 'pending' }));

  const { code, stdout, stderr } = await stage.run(['status']);

  expect([code, stdout]).toEqual([6, expect.stringContaining('waiting for approval')]);
  expect(stderr).toContain('sikkerkey admin machine approve m_1 --fingerprint K7QD-93MX-F2PA');
});

test('a file that is not there is said in words, without the error number of the system', async () => {
  const { code, stderr } = await stage.run(['enroll', '--api-url', 'http://localhost:1', '--token-file', '/nowhere/token']);

  expect(code).toBe(2);
  expect(stderr).toContain('/nowhere/token: there is no such file');
  expect(stderr).not.toContain('ENOENT');
});

describe('status right after the daemon was started', () => {
  test('waits for the first word of the vault instead of calling it unreachable', async () => {
    stage.daemon.putVault(makeVaultFact({ reachable: false, errorCode: null }));
    const { daemon: itself } = stage.daemon.snapshot;
    let asked = 0;
    stage.daemon.on('daemon.status', () => {
      asked += 1;
      return { daemon: itself, vaults: [makeVaultFact({ reachable: asked > 1 })], agents: 1 };
    });

    const { code, stdout } = await stage.run(['status']);

    expect([code, asked]).toEqual([0, 2]);
    expect(stdout).toContain('connected');
  });
});

describe('a remedy', () => {
  test('names the secret that was typed where the error does not', async () => {
    stage.daemon.on('operator.call', () => {
      throw new Refusal('secret-is-managed');
    });

    expect((await stage.run(['admin', 'secret', 'rollback', 'sk_7', '--version', '2'])).stderr).toContain('sikkerkey admin rotate sk_7\n');
  });

  test('names the project that a machine would have to be a member of', async () => {
    stage.daemon.on('operator.call', () => {
      throw new Refusal('machine-not-member', { projectId: 'pr_shop' });
    });

    const { stderr } = await stage.run(['admin', 'grant', 'add', 'sk_7', '--machine', 'm_7', '--permission', 'read']);

    expect(stderr).toContain('is not a member of pr_shop.');
    expect(stderr).toContain('sikkerkey admin machine attach m_7 --project pr_shop\n');
  });

  test('keeps its words in capitals where nobody knows better', async () => {
    stage.daemon.on('operator.call', () => {
      throw new Refusal('vault-sealed');
    });

    expect((await stage.run(['admin', 'grant', 'list', 'sk_7'])).stderr).toContain('sikkerkey-vault unseal --data DIR');
  });

  test('mends the connection that a test could not have', async () => {
    const facts = {
      secretId: 'sk_payments',
      host: 'db-1',
      port: 5433,
      database: 'app',
      adminUser: "o'neil",
      tls: 'disable',
      reason: 'ECONNREFUSED',
    };
    stage.daemon.on('agent.test', () => {
      throw new Refusal('database-unreachable', facts);
    });

    const { code, stderr } = await stage.run(['agent', 'test', 'sk_payments']);

    expect(code).toBe(6);
    expect(stderr).toContain('No connection to db-1:5433 came about: ECONNREFUSED.');
    expect(stderr).toContain(
      "sikkerkey agent configure sk_payments --provider postgresql --host db-1 --port 5433 --database app --admin-user 'o'\\''neil' --tls disable",
    );
  });
});

describe('agent plan', () => {
  test.each([
    { name: 'adoption where the login is not under management', adopted: false, kind: 'adopt' },
    { name: 'a rotation where it is', adopted: true, kind: 'rotate' },
  ])('plans $name', async ({ adopted, kind }) => {
    stage.daemon.putAgent(makeAgentFact(1_700_000_000_000, { adopted }));
    stage.daemon.on('agent.plan', () => {
      throw new Refusal('vault-sealed');
    });

    await stage.run(['agent', 'plan', 'sk_payments']);

    expect(stage.daemon.calls.find(({ method }) => method === 'agent.plan')?.params).toMatchObject({ kind });
  });
});

test('daemon stop says what starts it again', async () => {
  stage.daemon.on('daemon.stop', () => {
    setImmediate(() => void stage.daemon.stop());
    return {};
  });

  const { code, stdout, stderr } = await stage.run(['daemon', 'stop']);

  expect([code, stdout]).toEqual([0, 'daemon stopped; no rotation runs on this machine until it is started again\n']);
  expect(stderr).toContain('any command that needs it starts it again by itself');
});
