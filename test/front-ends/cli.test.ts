import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plan } from '@sikkerkey/protocol/local/methods.ts';
import { makeAgentFact, makeVaultFact } from '@sikkerkey/test/support/facts.ts';
import { Refusal } from '@sikkerkey/test/support/fake-daemon.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { setStage } from './stage.ts';

const stage = setStage();
const canary = 'canary-5ecre7-value';
const plan: Plan = {
  secretId: 'sk_payments',
  kind: 'rotate',
  strategy: 'flip',
  why: 'two roles',
  server: null,
  tls: 'verify-full',
  statements: [{ target: 'db-1', text: "ALTER ROLE b PASSWORD '‹verifier›'", repeatable: true }],
  retirement: [],
  predictedOutageSeconds: 0,
  findings: [],
};

const callsOf = (method: string) => stage.daemon.calls.filter((call) => call.method === method);

describe('agent list', () => {
  test('prints the published columns', async () => {
    stage.daemon.putAgent(makeAgentFact(1_700_000_000_000, { secretId: 'sk_2', running: false, host: null }));

    const { code, stdout } = await stage.run(['agent', 'list']);

    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'SECRET               PROVIDER       STATUS   PID    HOST',
      `sk_payments          postgresql     running  ${String(process.pid).padEnd(6)} db-1`,
      'sk_2                 postgresql     stopped  -',
      '',
    ]);
  });

  test('says so when there is none', async () => {
    stage.daemon.removeAgent('sk_payments');

    expect((await stage.run(['agent', 'list'])).stdout).toBe('No agents running.\n');
  });

  test('gives one JSON object to programs', async () => {
    const { stdout } = await stage.run(['agent', 'list', '--json']);

    expect(JSON.parse(stdout)).toMatchObject({ agents: [{ secretId: 'sk_payments', status: 'running', pid: process.pid }] });
  });

  test('a name cannot steer the terminal', async () => {
    stage.daemon.changeAgent('sk_payments', { name: 'x\u001b[2J\u0007y', host: 'h\u001b]0;t\u0007' });

    expect((await stage.run(['agent', 'list', '--wide'])).stdout).not.toContain('\u001b');
  });
});

describe('rotating', () => {
  beforeEach(() => {
    stage.daemon.on('agent.plan', () => plan);
    stage.daemon.on('agent.rotate', () => ({ rotationId: 'rot_1', state: 'pending', waitsFor: null }));
  });

  test('shows the plan and does nothing where nobody can say yes', async () => {
    const { code, stderr } = await stage.run(['agent', 'rotate', '--secret', 'sk_payments']);

    expect(code).toBe(2);
    expect(stderr).toContain("ALTER ROLE b PASSWORD '‹verifier›'");
    expect(stderr).toContain('sikkerkey agent rotate --secret sk_payments --yes');
    expect(callsOf('agent.rotate')).toHaveLength(0);
  });

  test('rotates with --yes, with an idempotency key', async () => {
    const { code, stdout } = await stage.run(['agent', 'rotate', 'sk_payments', '--yes', '--json']);

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ secretId: 'sk_payments', rotationId: 'rot_1', state: 'pending', waitsFor: null });
    expect(callsOf('agent.rotate')[0]?.idempotencyKey).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('refuses a plan that is blocked even with --yes', async () => {
    stage.daemon.on('agent.plan', () => ({ ...plan, findings: [{ code: 'vault-sealed', severity: 'blocks', details: {} }] }));

    expect((await stage.run(['agent', 'rotate', 'sk_payments', '--yes'])).code).toBe(6);
    expect(callsOf('agent.rotate')).toHaveLength(0);
  });

  test('waits until the new password is live', async () => {
    stage.daemon.on('agent.rotate', () => {
      setImmediate(() => {
        stage.daemon.changeAgent('sk_payments', { state: 'SEALED', step: 'sealed', rotationId: 'rot_1' });
        stage.daemon.changeAgent('sk_payments', { state: 'PROMOTED', step: 'promoted', version: 13 });
      });
      return { rotationId: 'rot_1', state: 'pending', waitsFor: null };
    });

    const { code, stdout } = await stage.run(['agent', 'rotate', 'sk_payments', '--yes', '--wait']);

    expect([code, stdout]).toEqual([0, 'rotated sk_payments (rot_1)\n']);
  });

  test('says that it needs attention when it was rejected', async () => {
    stage.daemon.on('agent.rotate', () => {
      setImmediate(() => stage.daemon.changeAgent('sk_payments', { state: 'REJECTED', rotationId: 'rot_1', errorCode: 'vault-sealed' }));
      return { rotationId: 'rot_1', state: 'pending', waitsFor: null };
    });

    const { code, stderr } = await stage.run(['agent', 'rotate', 'sk_payments', '--yes', '--wait']);

    expect(code).toBe(6);
    expect(stderr).toContain('sk_payments is now REJECTED');
  });

  test.each(['rotate', 'adopt'])('does not say that it went through when the wait of %s is interrupted', async (act) => {
    stage.daemon.on('agent.adopt', () => ({ rotationId: 'rot_1' }));
    stage.daemon.changeAgent('sk_payments', { state: 'APPLYING', step: 'sealed', rotationId: 'rot_1' });

    const { code, stdout, stderr } = await stage.run(['agent', act, 'sk_payments', '--yes', '--wait'], { interruptAfter: 'ROTATING ·' });

    expect([code, stdout]).toEqual([130, '']);
    expect(stderr).toContain('goes on in the daemon');
  });

  test.each([
    {
      name: 'stopped',
      meanwhile: () => stage.daemon.changeAgent('sk_payments', { state: 'STOPPED', running: false }),
      code: 7,
      says: 'is stopped',
    },
    { name: 'removed', meanwhile: () => stage.daemon.removeAgent('sk_payments'), code: 5, says: 'knows no agent' },
  ])('ends the wait where its agent is $name meanwhile', async ({ meanwhile, code, says }) => {
    stage.daemon.on('agent.rotate', () => {
      setImmediate(meanwhile);
      return { rotationId: 'rot_1', state: 'pending', waitsFor: null };
    });

    const ended = await stage.run(['agent', 'rotate', 'sk_payments', '--yes', '--wait']);

    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(ended.stderr).toContain(says);
  });
});

describe('agent start', () => {
  test('follows until interrupted, and the agent goes on', async () => {
    const { code, stdout, stderr } = await stage.run(['agent', 'start', '--secret', 'sk_payments'], { interruptAfter: 'OK' });

    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d\d:\d\d:\d\dZ {2}OK · v12\n$/);
    expect(stderr).toContain('sikkerkey agent stop --secret sk_payments');
    expect(callsOf('agent.stop')).toHaveLength(0);
  });

  test('an agent that nobody knows is not found', async () => {
    expect((await stage.run(['agent', 'start', '--secret', 'nope'])).code).toBe(5);
  });
});

describe('secrets on their way in', () => {
  const configure = ['agent', 'configure', '--secret', 'sk_payments', '--provider', 'postgresql', '--host', 'h', '--admin-user', 'root'];

  beforeEach(() => {
    stage.daemon.on('agent.configure', () => makeAgentFact(1_700_000_000_000));
  });

  test.each([
    ['a file', ['--admin-pass-file', 'FILE'], ''],
    ['standard input', ['--admin-pass-stdin'], `${canary}\n`],
    ['a descriptor', ['--admin-pass-fd', '0'], `${canary}\n`],
    ['the command line', ['--admin-pass', canary], ''],
  ])('come by %s and never come out', async (name, options, input) => {
    const path = join(stage.home, 'password');
    await writeFile(path, `${canary}\n`, { mode: 0o600 });
    const args = options.map((word) => (word === 'FILE' ? path : word));

    const { code, stdout, stderr } = await stage.run([...configure, ...args], { input });

    expect(code).toBe(0);
    expect(callsOf('agent.configure')[0]?.params).toMatchObject({ adminPassword: canary, port: 5432, tls: 'verify-full' });
    expect(stdout + stderr).not.toContain(canary);
    expect(stderr.includes('# warning: --admin-pass')).toBe(name === 'the command line');
  });

  test.each([
    ['none is given', [], '', 'secret-input-missing'],
    ['two are given', ['--admin-pass-stdin', '--admin-pass', 'x'], 'y', 'usage-invalid'],
    ['it is empty', ['--admin-pass-stdin'], '\n', 'usage-invalid'],
    ['the file is missing', ['--admin-pass-file', '/nowhere/at/all'], '', 'input-unreadable'],
  ])('are asked for in words when %s', async (_name, options, input, errorCode) => {
    const { code, stderr } = await stage.run([...configure, ...options, '--json'], { input });

    expect(code).toBe(2);
    expect(JSON.parse(stderr.split('\n').find((line) => line.startsWith('{')) ?? '{}')).toMatchObject({ error: { code: errorCode } });
    expect(callsOf('agent.configure')).toHaveLength(0);
  });

  test('the enrollment token may be pasted with the whole line around it', async () => {
    stage.daemon.on('identity.enroll', () => makeVaultFact({ machineState: 'pending' }));

    const { code, stderr } = await stage.run(['enroll', '--api-url', 'http://localhost:1', '--token-stdin'], {
      input: `curl -fsSL https://x | sh -s -- ${canary}\n`,
    });

    expect(code).toBe(0);
    expect(callsOf('identity.enroll')[0]?.params).toMatchObject({ token: canary });
    expect(stderr).toContain('sikkerkey admin machine approve m_1 --fingerprint K7QD-93MX-F2PA');
  });

  test('a token on the command line is not taken', async () => {
    const { code, stderr } = await stage.run(['enroll', '--api-url', 'http://localhost:1', '--token', canary]);

    expect(code).toBe(2);
    expect(stderr).not.toContain(canary);
  });
});

describe('what operators do', () => {
  test.each([
    [['admin', 'project', 'create', 'shop'], 'createProject', { name: 'shop' }],
    [['admin', 'machine', 'approve', 'm_1', '--fingerprint', 'K7'], 'approveMachine', { machineId: 'm_1', fingerprint: 'K7' }],
    [
      ['admin', 'grant', 'add', 'sk', '--machine', 'm', '--permission', 'rotate'],
      'grant',
      { secretId: 'sk', machineId: 'm', permission: 'rotate' },
    ],
    [
      ['admin', 'secret', 'schedule', 'sk', '--every', '30d', '--drain', '10s'],
      'setSchedule',
      { secretId: 'sk', intervalMs: 2_592_000_000, drainDeadlineMs: 10_000 },
    ],
    [['admin', 'secret', 'schedule', 'sk', '--every', 'off'], 'setSchedule', { secretId: 'sk', intervalMs: null }],
    [
      ['admin', 'secret', 'create', 'n', '--project', 'p', '--generate', '--length', '40'],
      'createSecret',
      { projectId: 'p', name: 'n', length: 40 },
    ],
    [['admin', 'retire-now', 'sk', '--yes'], 'retireNow', { secretId: 'sk' }],
  ])('%j is one signed call', async (args, route, body) => {
    stage.daemon.on('operator.call', () => ({ answer: { echoed: true } }));

    const { code, stdout } = await stage.run([...args, '--json']);

    expect(callsOf('operator.call')[0]?.params).toEqual({ route, body });
    expect([code, JSON.parse(stdout)]).toEqual([0, { echoed: true }]);
  });

  test('takes a managed login with two secrets by two ways', async () => {
    stage.daemon.on('operator.call', () => ({ answer: { secretId: 'sk_new' } }));
    const path = join(stage.home, 'admin');
    await writeFile(path, 'adminpw\n', { mode: 0o600 });

    const { code, stdout } = await stage.run(
      [
        'admin',
        'secret',
        'create-managed',
        'db',
        '--project',
        'p',
        '--host',
        'h',
        '--database',
        'd',
        '--username',
        'app',
        '--password-stdin',
        '--admin-user',
        'root',
        '--admin-pass-file',
        path,
        '--tls',
        'disable',
      ],
      { input: canary },
    );

    expect([code, stdout]).toEqual([0, 'sk_new\n']);
    expect(callsOf('operator.call')[0]?.params).toMatchObject({
      body: { password: canary, admin: { user: 'root', password: 'adminpw' }, tls: 'disable', port: 5432 },
    });
  });

  test('shows the vault’s refusal with its exit code', async () => {
    stage.daemon.on('operator.call', () => {
      throw new Refusal('vault-sealed');
    });

    const { code, stderr } = await stage.run(['admin', 'status']);

    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(/^error: .*\(vault-sealed\)\n {2}what happened: .*\n {2}still works: .*\n {2}next step: .*\n$/);
  });
});

describe('usage', () => {
  test.each([
    [['agent', 'lsit'], 2],
    [['frobnicate'], 2],
    [[], 2],
    [['agent', 'stop'], 2],
    [['--help'], 0],
    [['agent', '--help'], 0],
    [['agent', 'rotate', 'sk', '--help'], 0],
    [['version'], 0],
    [['completion', 'bash'], 0],
    [['completion', 'csh'], 2],
  ])('%j ends with %d and no stack', async (args, exit) => {
    const { code, stdout, stderr } = await stage.run(args);

    expect(code).toBe(exit);
    expect(stdout + stderr).not.toMatch(/\n {4}at |node:internal/);
  });
});
