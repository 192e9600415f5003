import type { FakeDaemon } from '@sikkerkey/test/support/fake-daemon.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeHome, removeHome, runConsole, startFakeDaemon } from './programs.ts';

let home: string;
let daemon: FakeDaemon;

beforeEach(async () => {
  home = await makeHome();
  daemon = await startFakeDaemon(home);
});

afterEach(async () => {
  await daemon.stop();
  await removeHome(home);
});

describe('the console without a terminal', () => {
  test('prints the list once and ends well', async () => {
    const { code, stdout } = await runConsole(home, []);

    expect(code).toBe(0);
    expect(stdout).toMatch(/CONDITION +AGENT +ENGINE +BEAT/);
    expect(stdout).toMatch(/✓ +OK +payments-db +pg 16/);
    expect(stdout).not.toContain('\u001b');
  });

  test('gives one JSON object to programs', async () => {
    const { stdout } = await runConsole(home, ['--json']);

    expect(JSON.parse(stdout)).toMatchObject({ agents: [{ secretId: 'sk_payments' }], vaults: [{ vaultId: 'vault_demo' }] });
  });

  test('says how to bring the daemon back, without a stack', async () => {
    await daemon.stop();

    const { code, stderr } = await runConsole(home, []);

    expect(code).toBe(3);
    expect(stderr).toContain('sikkerkey daemon start');
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});
