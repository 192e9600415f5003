/**
 * The fake daemon as a program, for looking at the front ends by hand: `node test/support/fake-daemon-main.ts HOME [AGENTS]`.
 * Its agents beat, one rotates over and over, others are in every condition that there is.
 */
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import { makeAgentFact, makeVaultFact } from './facts.ts';
import { FakeDaemon } from './fake-daemon.ts';

const [, , home = '', count = '12'] = process.argv;
if (home === '') throw new Error('the home directory is missing');
const now = systemClock.now();
const daemon = new FakeDaemon(home, now - 3_600_000);
daemon.putVault(makeVaultFact());

const oddities: readonly Partial<AgentFact>[] = [
  { secretId: 'sk_payments', name: 'payments-db' },
  { secretId: 'sk_ledger', name: 'ledger 帳簿', version: 40, host: 'db-2', nextRotationAt: now + 3 * 86_400_000 + 4 * 3_600_000 },
  { secretId: 'sk_orders', name: 'orders-cache', version: 8, beats: [now - 131_000, now - 101_000, now - 71_000] },
  { secretId: 'sk_reports', name: 'reports', version: 3, beats: [now - 300_000], nextRotationAt: null },
  { secretId: 'sk_users', name: 'users', state: 'ACCESS_DENIED', errorCode: 'access-denied', version: 5 },
  { secretId: 'sk_audit', name: 'audit-store', state: 'SPLIT', errorCode: 'vault-failed', version: 11 },
  { secretId: 'sk_legacy', name: 'legacy', tls: 'disable', strategy: 'single', running: false, state: 'STOPPED', version: 2 },
  { secretId: 'sk_restore', name: 'restored', state: 'DRIFT', version: 9 },
  { secretId: 'sk_quar', name: 'quarantine-me', state: 'QUARANTINED', version: 17 },
  { secretId: 'sk_new', name: 'a-state-of-tomorrow', state: 'REBALANCING', version: 1 },
  {
    secretId: 'sk_wait',
    name: 'waits',
    state: 'WAITING_FOR_DRAIN',
    step: 'draining',
    rotationId: 'rot_9',
    holdOuts: [{ kind: 'reader', name: 'api-7', count: 2 }],
    drainDeadlineAt: now + 600_000,
  },
];
for (let index = 0; index < Number(count); index += 1) {
  const part = oddities[index] ?? { secretId: `sk_${index}`, name: `service-${index}`, version: index };
  daemon.putAgent(makeAgentFact(now, part));
}

daemon.on('agent.plan', ({ secretId, kind }: { secretId: string; kind: 'rotate' | 'adopt' | 'un-adopt' }) => ({
  secretId,
  kind,
  strategy: 'flip',
  why: 'two login roles can take turns, so the old password keeps working until nobody holds it',
  server: { version: '16.4', superuser: false, sessions: 14 },
  tls: 'verify-full',
  statements: [
    { target: 'db-1:5432', text: "ALTER ROLE app_b LOGIN PASSWORD '‹verifier›'", repeatable: true },
    { target: 'db-1:5432', text: 'SELECT 1 (as app_b, with the new password)', repeatable: true },
  ],
  retirement: [{ target: 'db-1:5432', text: 'ALTER ROLE app_a NOLOGIN PASSWORD NULL', repeatable: true }],
  predictedOutageSeconds: 0,
  findings: [],
}));
let rotations = 0;
daemon.on('agent.rotate', ({ secretId }: { secretId: string }) => {
  rotations += 1;
  const rotationId = `rot_${rotations}`;
  void rotate(secretId, rotationId);
  return { rotationId, state: 'pending', waitsFor: null };
});
daemon.on('daemon.stop', () => {
  void systemClock.sleep(50).then(() => daemon.stop());
  stopping.abort();
  return {};
});

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stopping.abort();
    void daemon.stop();
  });
}

const rail: readonly Partial<AgentFact>[] = [
  { state: 'RECEIVED', step: 'received' },
  { state: 'SEALED', step: 'sealed' },
  { state: 'APPLIED', step: 'applied' },
  { state: 'VERIFIED', step: 'verified' },
  { state: 'PROMOTED', step: 'promoted' },
  {
    state: 'DRAINING',
    step: 'draining',
    holdOuts: [
      { kind: 'reader', name: 'api-7', count: 2 },
      { kind: 'session', name: 'cron-1', count: 1 },
    ],
  },
];

async function rotate(secretId: string, rotationId: string): Promise<void> {
  const begun = systemClock.now();
  for (const part of rail) {
    const version = daemon.agent(secretId)?.version ?? 0;
    daemon.changeAgent(secretId, {
      ...part,
      rotationId,
      since: systemClock.now(),
      drainDeadlineAt: part.step === 'draining' ? systemClock.now() + 3_600_000 : null,
      ...(part.step === 'promoted' ? { version: version + 1 } : {}),
    });
    await systemClock.sleep(700, stopping.signal).catch(() => undefined);
  }
  const lastRotation = { rotationId, endedAt: systemClock.now(), durationMs: Math.round(systemClock.now() - begun), outcome: 'rotated' };
  daemon.changeAgent(secretId, { state: 'IDLE', step: null, rotationId: null, holdOuts: [], drainDeadlineAt: null, lastRotation });
}

async function beat(): Promise<void> {
  const beating = ['sk_payments', 'sk_ledger', 'sk_legacy'];
  while (!stopping.signal.aborted) {
    await systemClock.sleep(5000, stopping.signal).catch(() => undefined);
    if (stopping.signal.aborted) return;
    for (const { secretId, beats } of daemon.snapshot.agents) {
      const newest = beats.at(-1) ?? 0;
      const isOwn = beating.includes(secretId) || /^sk_\d+$/.test(secretId);
      if (isOwn && systemClock.now() - newest >= 30_000) daemon.changeAgent(secretId, { beats: [...beats, systemClock.now()].slice(-5) });
    }
    daemon.publish({ slice: 'alive', at: systemClock.now() });
  }
}

await daemon.listen();
await beat();
