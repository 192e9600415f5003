/** `sikkerkey admin operator disable`: asks at a terminal, wants --yes elsewhere, and says when one names oneself. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { setStage } from './stage.ts';

const oneself = 'op_oneself';
const other = 'op_other';
const operators = [oneself, other].map((operatorId) => ({
  operatorId,
  name: `name of ${operatorId}`,
  fingerprint: 'EQYR-5PCK-8ZY2',
  state: 'enabled',
  createdAt: 1_700_000_000_000,
}));
const isScriptPresent = spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0;

const stage = setStage();
beforeEach(() => {
  stage.daemon.on('operator.call', (params) => {
    const { route, body } = params as { route: string; body: { operatorId?: string } };
    if (route === 'status') return { answer: { operatorId: oneself } };
    if (route === 'listOperators') return { answer: { operators } };
    return { answer: { ...operators.find(({ operatorId }) => operatorId === body.operatorId), state: 'disabled' } };
  });
});

const disabled = (): unknown[] =>
  stage.daemon.calls
    .filter(({ method, params }) => method === 'operator.call' && (params as { route: string }).route === 'disableOperator')
    .map(({ params }) => (params as { body: unknown }).body);

describe('without a terminal', () => {
  test('nobody is disabled unless --yes is given', async () => {
    const unasked = await stage.run(['admin', 'operator', 'disable', other]);
    expect(unasked).toMatchObject({ code: 2, stdout: '' });
    expect(unasked.stderr).toContain(`sikkerkey admin operator disable ${other} --yes`);
    expect(disabled()).toEqual([]);

    const { code, stdout, stderr } = await stage.run(['admin', 'operator', 'disable', other, '--yes']);
    expect([code, stdout]).toEqual([0, `${other} name of ${other} is disabled\n`]);
    expect(stderr).not.toContain('the operator that you are');
    expect(disabled()).toEqual([{ operatorId: other }]);
  });

  test('who names oneself is told so', async () => {
    const { code, stderr } = await stage.run(['admin', 'operator', 'disable', oneself, '--yes']);

    expect(code).toBe(0);
    expect(stderr).toContain('this is the operator that you are');
  });
});

describe.skipIf(!isScriptPresent)('at a terminal', () => {
  const answering = async (answer: string, operatorId: string): Promise<string> => {
    const command = [process.execPath, stage.program, 'admin', 'operator', 'disable', operatorId].map((word) => `'${word}'`).join(' ');
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env: childEnvironment({ SIKKERKEY_HOME: stage.home }),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.write(`${answer}\n`);
    const [printed] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return printed;
  };

  test('it is asked by name, and anything but a yes disables nobody', async () => {
    const refused = await answering('', other);
    expect(refused).toContain(`Disable name of ${other} (${other}) for good? [y/N]`);
    expect(refused).toContain('nobody was disabled');
    expect(disabled()).toEqual([]);

    const agreed = await answering('yes', oneself);
    expect(agreed).toContain('this is the operator that you are');
    expect(agreed).toContain('is disabled');
    expect(disabled()).toEqual([{ operatorId: oneself }]);
  });
});
