/** What holds of a managed secret after every operation, in whatever order daemons, agents, readers and operators act. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClaimedWork } from '../records.ts';
import { Daemon } from './daemon.ts';
import { type CurrentVault, expectDone, sealFor, type Vault } from './fixture.ts';

const actions = [
  'request',
  'adopt',
  'unadopt',
  'claim',
  'claim-other',
  'confirm',
  'confirm-old',
  'reject',
  'retired',
  'retired-old',
  'release',
  'read',
  'read-unnamed',
  'acknowledge',
  'retire-now',
  'published-ask',
  'published-confirm',
  'published-reject',
  'wait-a-little',
  'wait-a-lease',
  'wait-a-deadline',
  'tick',
] as const;
/** Played twice as often, so that rotations get somewhere. */
const worked = ['request', 'adopt', 'claim', 'confirm', 'retired', 'retired-old'] as const;
type Action = (typeof actions)[number];

/** One secret and everyone who may act on it. */
class Play {
  readonly #vault: Vault;
  readonly secretId: string;
  readonly machineId: string;
  readonly #daemons: readonly Daemon[];
  readonly #claims: ClaimedWork[] = [];
  #offered = '';

  constructor(vault: Vault, machineId: string, secretId: string) {
    this.#vault = vault;
    this.machineId = machineId;
    this.secretId = secretId;
    this.#daemons = ['daemon-1', 'daemon-2'].map((name) => new Daemon(vault, machineId, secretId, name));
  }

  #by() {
    return { caller: this.#vault.machine(this.machineId), secretId: this.secretId };
  }

  async #claim(daemon: Daemon | undefined): Promise<void> {
    const result = await daemon?.tryClaim('repair');
    if (result?.outcome !== 'claimed') return;
    expect(result.work.epoch).toBeGreaterThan(this.#claims.at(-1)?.epoch ?? 0);
    this.#claims.push(result.work);
  }

  async #report(which: 'newest' | 'older', report: (work: ClaimedWork) => Promise<string>): Promise<void> {
    const work = this.#claims.at(which === 'newest' ? -1 : -2);
    if (work === undefined || work.rotationId === null) return;
    const before = await this.live();
    const outcome = await report(work);
    if (work !== this.#claims.at(-1)) {
      expect(['stale-epoch', 'over']).toContain(outcome);
      expect(await this.live()).toBe(before);
    }
  }

  async live(): Promise<number> {
    return expectDone(await this.#vault.storage.showSecret({ caller: this.#vault.operator(), secretId: this.secretId })).version;
  }

  async act(action: Action): Promise<void> {
    const { storage } = this.#vault;
    const [first, second] = this.#daemons;
    const daemon = first;
    const seal = sealFor;
    const steps: Record<Action, () => Promise<unknown>> = {
      request: () => storage.requestRotation({ caller: this.#vault.operator(), secretId: this.secretId, seal }),
      adopt: () => storage.adopt({ ...this.#by(), strategy: 'flip', owner: 'app', seal }),
      unadopt: () => storage.unadopt({ ...this.#by(), seal }),
      claim: () => this.#claim(first),
      'claim-other': () => this.#claim(second),
      confirm: () => this.#report('newest', (work) => daemon?.confirm(work) ?? Promise.resolve('over')),
      'confirm-old': () => this.#report('older', (work) => daemon?.confirm(work) ?? Promise.resolve('over')),
      reject: () => this.#report('newest', (work) => daemon?.reject(work) ?? Promise.resolve('over')),
      retired: () => this.#report('newest', (work) => daemon?.retired(work) ?? Promise.resolve('over')),
      'retired-old': () => this.#report('older', (work) => daemon?.retired(work) ?? Promise.resolve('over')),
      release: () => storage.releaseClaim({ ...this.#by(), epoch: this.#claims.at(-1)?.epoch ?? 1 }),
      read: () => storage.readLiveSecret({ ...this.#by(), instance: 'i1', pool: 'pool' }),
      'read-unnamed': () => storage.readLiveSecret({ ...this.#by(), instance: null, pool: null }),
      acknowledge: async () => storage.acknowledge({ ...this.#by(), instance: 'i1', pool: 'pool', version: await this.live() }),
      'retire-now': () => storage.retireNow({ caller: this.#vault.operator(), secretId: this.secretId }),
      'published-ask': async () => {
        const found = await storage.publishedConfiguration({ ...this.#by(), reofferAfterMs: 180_000 });
        if (found.kind === 'done' && found.value.pending !== null) this.#offered = found.value.pending.rotationId;
      },
      'published-confirm': () => storage.publishedConfirm({ ...this.#by(), rotationId: this.#offered, seal }),
      'published-reject': () => storage.publishedReject({ ...this.#by(), rotationId: this.#offered, seal }),
      'wait-a-little': async () => this.#wait(1000),
      'wait-a-lease': async () => this.#wait(31_000),
      'wait-a-deadline': async () => this.#wait(61_000),
      tick: async () => {
        await storage.expireClaims({ now: this.#vault.now, limit: 10 });
        await this.#vault.growOlder();
        await storage.requestDueRotations({ now: this.#vault.now, limit: 10, mayBegin: () => true, seal });
      },
    };
    await steps[action]();
  }

  #wait(ms: number): void {
    this.#vault.now += ms;
  }

  /** Throws where something does not hold. */
  async check(): Promise<void> {
    const { storage } = this.#vault;
    const caller = () => this.#vault.operator();
    const { secretId } = this;
    const found = await Promise.all([
      storage.listVersions({ caller: caller(), secretId }),
      storage.listRotations({ caller: caller(), secretId, limit: 200 }),
      storage.showSecret({ caller: caller(), secretId }),
    ]);
    const [versions, rotations, shown] = [expectDone(found[0]), expectDone(found[1]), expectDone(found[2])];
    const labelled = (label: string) => versions.filter((version) => version.label === label);
    const current = labelled('current');
    const [pending, previous] = [labelled('pending'), labelled('previous')];

    expect(current).toHaveLength(1);
    expect(current[0]?.version).toBe(shown.version);
    expect(pending.length + previous.length).toBeLessThanOrEqual(1);
    expect(rotations.filter(({ state }) => state === 'pending' || state === 'promoted')).toHaveLength(pending.length + previous.length);
    expect(rotations.filter(({ state }) => state === 'waiting-for-drain').length).toBeLessThanOrEqual(previous.length);
    if (shown.managed?.strategy === 'flip') {
      for (const other of [...pending, ...previous]) expect(other.slot).not.toBe(current[0]?.slot);
    } else {
      for (const version of [...pending, ...current]) expect(version.slot).toBe('owner');
    }
  }
}

export function invariantsContract(vault: CurrentVault): void {
  test('one current version, at most one other in play, never two of a login, whatever happens', { timeout: 120_000 }, async () => {
    const project = await vault().project();
    const machineId = await vault().approved(project);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...actions, ...worked), { minLength: 5, maxLength: 40 }), async (played) => {
        const secretId = await vault().managedSecret(project, { intervalMs: 50_000 });
        await vault().grant(secretId, machineId, 'read', 'rotate');
        const play = new Play(vault(), machineId, secretId);
        for (const action of played) {
          await play.act(action);
          await play.check();
        }
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });
}
