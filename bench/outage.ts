/**
 * Failed logins through rotations: an application with no cache, with caches of 5 and 15 seconds, and with every reply
 * to a confirmation lost; and beside them the same application while the password is changed in place.
 */
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { machineRoutes } from '@sikkerkey/protocol/vault/machine.ts';
import { SikkerKey } from '@sikkerkey/sdk/sikker-key.ts';
import { describeFailures, startLogins } from './support/login-meter.ts';
import { manageLogin, type Stage, setStage } from './support/managed-login.ts';
import { atLeast, type Bench, type BenchOptions, beside, exactly, promised, type Row } from './support/measurement.ts';
import { Workplace } from './support/programs.ts';
import { type RotationWatch, watchRotations } from './support/rotation-watch.ts';
import { startProxy, type VaultProxy } from './support/vault-proxy.ts';

interface Scenario {
  readonly name: string;
  readonly cacheMs: number;
  readonly strategy: 'flip' | 'single';
  readonly losesConfirm: boolean;
  readonly seconds: number;
}

const scenarios: readonly Scenario[] = [
  { name: 'no cache', cacheMs: 0, strategy: 'flip', losesConfirm: false, seconds: 25 },
  { name: 'cache 5 s', cacheMs: 5000, strategy: 'flip', losesConfirm: false, seconds: 30 },
  { name: 'cache 15 s', cacheMs: 15_000, strategy: 'flip', losesConfirm: false, seconds: 65 },
  { name: 'confirm’s reply lost', cacheMs: 5000, strategy: 'flip', losesConfirm: true, seconds: 30 },
  { name: 'in place, cache 5 s', cacheMs: 5000, strategy: 'single', losesConfirm: false, seconds: 30 },
];
const loginsWanted = 2000;
/** Between two presses at least: an operator's hand, and time for the in-place method to show what it does. */
const pressEveryMs = 2000;
const slowestRotationMs = 60_000;

interface Outcome {
  readonly tried: number;
  readonly failed: number;
  readonly failures: string;
  readonly rotations: number;
}

/** Rotates again and again until the time is over and enough logins were made. */
async function measure(stage: Stage, proxy: VaultProxy, watch: RotationWatch, scenario: Scenario, scale: number): Promise<Outcome> {
  const role = scenario.name.replaceAll(/[^a-z0-9]+/g, '_');
  const secretId = await manageLogin(stage, role, { drainDeadlineMs: 120_000, strategy: scenario.strategy });
  const home = homeOf({ ...readEnvironment(), home: stage.daemon.home });
  const application = new SikkerKey(home.identityFile(stage.vault.vaultId));
  const { host, port, database } = stage.database;
  const meter = startLogins(application, secretId, scenario.cacheMs, { host, port, database });
  const endsAt = systemClock.monotonic() + scenario.seconds * 1000 * scale;
  let rotations = 0;
  while (systemClock.monotonic() < endsAt || meter.count.tried < loginsWanted * scale) {
    if (scenario.losesConfirm) proxy.loseNextReply(machineRoutes.confirm.path);
    const ended = watch.end(secretId);
    await stage.vault.operator.operator('rotate', { secretId });
    await Promise.race([ended, systemClock.sleep(slowestRotationMs).then(() => failSlow(scenario))]);
    rotations += 1;
    await systemClock.sleep(pressEveryMs);
  }
  await meter.stop();
  await application.close();
  await stage.daemon.client.call('agent.stop', { secretId });
  return { tried: meter.count.tried, failed: meter.count.failed, failures: describeFailures(meter.count), rotations };
}

function failSlow(scenario: Scenario): never {
  throw new Error(`${scenario.name}: a rotation has not ended within ${slowestRotationMs / 1000} s`);
}

async function run({ quick, progress }: BenchOptions): Promise<readonly Row[]> {
  const scale = quick ? 0.2 : 1;
  await using workplace = new Workplace();
  const proxies: VaultProxy[] = [];
  const stage = await setStage(workplace, async (vault) => {
    const proxy = await startProxy(workplace, vault.apiUrl);
    proxies.push(proxy);
    return proxy.apiUrl;
  });
  const proxy = proxies[0];
  if (proxy === undefined) throw new Error('the proxy was not started');
  const watch = await watchRotations(stage);
  const rows: Row[] = [];
  for (const scenario of scenarios) {
    progress(`${scenario.name}: about ${Math.round(scenario.seconds * scale)} s`);
    const outcome = await measure(stage, proxy, watch, scenario, scale);
    const spread = `${outcome.rotations} rotations, ${outcome.tried} logins${outcome.failures}`;
    const name = `failed logins, ${scenario.name}`;
    rows.push(
      scenario.strategy === 'flip' ? promised(name, outcome.failed, '', exactly(0), spread) : beside(name, outcome.failed, '', spread),
    );
    if (scenario.strategy === 'flip')
      rows.push(promised(`new logins, ${scenario.name}`, outcome.tried, '', atLeast(loginsWanted * scale, '')));
    if (scenario.losesConfirm) rows.push(promised('replies lost', proxy.lostReplies(), '', atLeast(outcome.rotations, '')));
  }
  return rows;
}

export const outage: Bench = { name: 'outage', summary: 'failed logins of an application through rotations', run };
