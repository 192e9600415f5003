import { describe, expect, it } from 'vitest';
import type { EngineFailureKind } from '../ports.ts';
import type { Shape, VersionRef, Versions } from '../types.ts';
import { begin, next, type Transition } from './next.ts';
import type { Event, Grant, Row, Wish } from './state.ts';

const wish: Wish = { probe: false, overwriteForeignPassword: false, giveUpRotationId: null, knowsEnded: false };
const versions: Versions = { live: { version: 1, slot: 'a' }, pending: { version: 2, slot: 'b' }, previous: null };
const grant: Grant = { rotationId: 'rot_2', epoch: 7, strategy: 'flip', phase: 'pending', versions };
const shape: Shape = {
  logins: [
    { slot: 'a', exists: true, mayLogIn: true, accepts: [1], hasVerifier: true, hasSecondPassword: false },
    { slot: 'b', exists: true, mayLogIn: false, accepts: [], hasVerifier: false, hasSecondPassword: false },
  ],
};
const open = { exists: true, mayLogIn: true, accepts: [], hasVerifier: true, hasSecondPassword: false } as const;
const promotedGrant: Grant = {
  ...grant,
  phase: 'promoted',
  versions: { live: { version: 2, slot: 'b' }, pending: null, previous: { version: 1, slot: 'a' } },
};
/** Known to this host alone. */
const forgotten: readonly VersionRef[] = [
  { version: -1, slot: 'a' },
  { version: -2, slot: 'b' },
];
const repairRow: Row = {
  rotationId: null,
  epoch: 6,
  strategy: 'flip',
  goal: 'repair',
  versions: { live: { version: 3, slot: 'a' }, pending: null, previous: null, retired: forgotten },
};

const toLook: readonly Event[] = [
  { kind: 'claimed', grant },
  { kind: 'row-written' },
  { kind: 'session-open' },
  { kind: 'epoch-answered', newestEpoch: 7 },
];
const toStatement: readonly Event[] = [...toLook, { kind: 'looked', shape }];
const toVerify: readonly Event[] = [...toStatement, { kind: 'executed' }];
const toConfirm: readonly Event[] = [...toVerify, { kind: 'verify-answered', outcome: { kind: 'verified' } }, { kind: 'row-written' }];

function after(events: readonly Event[], row: Row | null = null): Transition {
  return events.reduce((at, event) => next(at.state, event), begin({ row, draining: null }, wish));
}

function failure(kind: EngineFailureKind): Event {
  return { kind: 'engine-failed', failure: kind, code: 'XX000' };
}

describe('the machine', () => {
  it('writes its row before it opens a session, asks before it looks and looks before it acts (rule 1)', () => {
    const effects = toStatement.map((_, index) => after(toStatement.slice(0, index)).effects[0]?.kind);

    expect(effects).toEqual(['claim', 'write-row', 'open-session', 'ask-epoch', 'look']);
    expect(after(toStatement).effects).toEqual([{ kind: 'execute', statement: { kind: 'enable', slot: 'b', version: 2 } }]);
  });

  it('journals the next goal before each effect of it', () => {
    const verified = next(after(toVerify).state, { kind: 'verify-answered', outcome: { kind: 'verified' } });

    expect(verified.effects).toMatchObject([{ kind: 'write-row', work: { goal: 'confirm' } }]);
    expect(after(toConfirm).effects).toEqual([{ kind: 'confirm', rotationId: 'rot_2', epoch: 7 }]);
  });

  it.each([
    { name: 'epoch question', events: toLook.slice(0, 3) },
    { name: 'look', events: toLook },
    { name: 'statement', events: toStatement },
  ])('begins again at the lock when its session is lost during the $name', ({ events }) => {
    const lost = next(after(events).state, failure('session-lost'));

    expect(lost.effects).toEqual([{ kind: 'open-session', epoch: 7 }]);
  });

  it('sends a repeatable statement again on a session that lives, after a failure that passes', () => {
    const waiting = after(toStatement);

    expect(next(waiting.state, failure('transient'))).toEqual(waiting);
  });

  it('looks again before it repeats a RETAIN', () => {
    const owner = { slot: 'owner', exists: true, mayLogIn: true, accepts: [1], hasVerifier: true, hasSecondPassword: false } as const;
    const retainVersions: Versions = { live: { version: 1, slot: 'owner' }, pending: { version: 2, slot: 'owner' }, previous: null };
    const events: readonly Event[] = [
      { kind: 'claimed', grant: { ...grant, strategy: 'retain', versions: retainVersions } },
      ...toLook.slice(1),
      { kind: 'looked', shape: { logins: [owner] } },
    ];

    expect(after(events).effects).toEqual([{ kind: 'execute', statement: { kind: 'set-retaining', version: 2 } }]);
    expect(next(after(events).state, failure('transient')).effects).toEqual([{ kind: 'open-session', epoch: 7 }]);
  });

  it('gives up where the vault knows a newer epoch', () => {
    const stale = next(after(toLook.slice(0, 3)).state, { kind: 'epoch-answered', newestEpoch: 8 });

    expect(stale.effects).toEqual([{ kind: 'finish-row', outcome: 'superseded' }]);
  });

  it.each([
    { name: 'asked on its session', events: toLook.slice(0, 3) },
    {
      name: 'asked because its confirm is called stale',
      events: [...toConfirm, { kind: 'confirm-answered', outcome: { kind: 'stale-epoch' } }] satisfies Event[],
    },
  ])('keeps its row and rests where the vault has gone back behind its epoch, $name', ({ events }) => {
    const { state } = next(after(events).state, { kind: 'epoch-answered', newestEpoch: 6 });

    expect(state).toMatchObject({ at: 'resting', rest: { kind: 'blocked', state: 'QUARANTINED', code: 'epoch-ahead' } });
  });

  it('keeps its row and rests where the vault grants nothing because it has gone back', () => {
    const row: Row = { rotationId: 'rot_2', epoch: 6, strategy: 'flip', goal: 'drain', versions };

    const { state } = after([{ kind: 'vault-behind' }], row);

    expect(state).toMatchObject({ at: 'resting', rest: { kind: 'blocked', state: 'QUARANTINED', code: 'epoch-ahead' } });
  });

  it('looks for what the row of a repair names and the vault has forgotten, and keeps it in the row until that is done', () => {
    const restored: Versions = { live: { version: 1, slot: 'owner' }, pending: null, previous: null };
    const steady: Grant = { rotationId: null, epoch: 7, strategy: 'single', phase: 'steady', versions: restored };

    const { effects } = after([{ kind: 'claimed', grant: steady }], repairRow);

    expect(effects).toMatchObject([{ kind: 'write-row', work: { goal: 'repair', epoch: 7, strategy: 'flip' } }]);
    expect(effects).toMatchObject([{ work: { versions: { live: restored.live, retired: forgotten } } }]);
  });

  it.each([{ giveUpRotationId: null }, { giveUpRotationId: 'rot_2' }])(
    'finishes a repair before it takes up the pending rotation, also one that is given up: $giveUpRotationId',
    ({ giveUpRotationId }) => {
      const claimed = next(begin({ row: repairRow, draining: null }, { ...wish, giveUpRotationId }).state, { kind: 'claimed', grant });
      const inOrder: Shape = { logins: [{ ...open, slot: 'a', accepts: [1] }] };
      const repaired = [...toLook.slice(1), { kind: 'looked', shape: inOrder } satisfies Event].reduce(
        (at, event) => next(at.state, event),
        claimed,
      );

      expect(claimed.effects).toMatchObject([
        { kind: 'write-row', work: { goal: 'repair', versions: { ...versions, retired: forgotten } } },
      ]);
      expect(repaired.effects).toEqual([{ kind: 'finish-row', outcome: 'repaired' }]);
      expect(next(repaired.state, { kind: 'row-finished' }).effects).toEqual([{ kind: 'release', epoch: 7 }]);
    },
  );

  it.each([
    { name: 'knows nothing more than the vault', row: { ...repairRow, versions }, at: 'finishing' },
    { name: 'alone knows what the vault has forgotten', row: repairRow, at: 'resting' },
    {
      name: 'alone knew what the claim brings again',
      row: repairRow,
      recognised: forgotten.map(({ version }) => version),
      at: 'finishing',
    },
    { name: 'alone knows something that the claim does not bring', row: repairRow, recognised: [99], at: 'resting' },
  ])('given up over a stranger’s password, a repair whose row $name is $at', ({ row, recognised = [], at }) => {
    const foreign: Shape = { logins: [{ ...open, slot: 'a' }] };
    const events: readonly Event[] = [{ kind: 'claimed', grant, recognised }, ...toLook.slice(1), { kind: 'looked', shape: foreign }];

    const { state } = events.reduce(
      (reached, event) => next(reached.state, event),
      begin({ row, draining: null }, { ...wish, giveUpRotationId: 'rot_2' }),
    );
    expect(state.at).toBe(at);
  });

  it('repairs both versions of a drain, by what the row alone knows, before it goes on with the drain', () => {
    const { state, effects } = after([{ kind: 'claimed', grant: promotedGrant }], repairRow);

    expect(effects).toMatchObject([{ kind: 'write-row', work: { goal: 'repair-while-draining', versions: { retired: forgotten } } }]);
    const ours: Shape = {
      logins: [
        { ...open, slot: 'a', accepts: [-1] },
        { ...open, slot: 'b', accepts: [-2] },
      ],
    };
    const events: readonly Event[] = [
      { kind: 'row-written' },
      { kind: 'session-open' },
      { kind: 'drain-answered', outcome: { kind: 'draining', holdOuts: [], deadlineInMs: 1 } },
      { kind: 'looked', shape: ours },
    ];
    const looked = events.reduce((at, event) => next(at.state, event), { state, effects });
    // The live login first: the other one lets applications in.
    expect(looked.state).toMatchObject({
      statements: [
        { kind: 'enable', slot: 'b', version: 2 },
        { kind: 'enable', slot: 'a', version: 1 },
      ],
    });
  });

  it.each(['repair-while-draining', 'drain', 'retire'] as const)(
    'keeps the goal %s over a restart, and what that row alone knows',
    (goal) => {
      const row: Row = { ...repairRow, rotationId: 'rot_2', goal };

      const { effects } = after([{ kind: 'claimed', grant: promotedGrant }], row);

      expect(effects).toMatchObject([{ kind: 'write-row', work: { goal, epoch: 7, versions: { retired: forgotten } } }]);
    },
  );

  it.each([
    { name: 'knows what the vault has forgotten', retired: forgotten, effects: [] },
    { name: 'knows nothing more than the vault', retired: [], effects: [{ kind: 'finish-row', outcome: 'superseded' }] },
  ])('where another agent holds the claim, a repair whose row $name', ({ retired, effects }) => {
    const row: Row = { ...repairRow, versions: { ...repairRow.versions, retired } };

    const held = after([{ kind: 'held-by-another', retryInMs: 500 }], row);

    expect(held.effects).toEqual(effects);
    if (retired.length > 0) expect(held.state).toMatchObject({ at: 'resting', rest: { kind: 'idle', retryInMs: 500 } });
  });

  it.each(['repair-while-draining', 'drain', 'retire'] as const)(
    'does as a repair, before anything else, the row of a %s that knows what the vault has forgotten and that is over there',
    (goal) => {
      const row: Row = { ...repairRow, rotationId: 'rot_1', goal };
      const steady: Grant = {
        ...promotedGrant,
        rotationId: null,
        phase: 'steady',
        versions: { ...promotedGrant.versions, previous: null },
      };
      const written = (granted: Grant) => after([{ kind: 'claimed', grant: granted }], row).effects;

      expect(after([], row).effects).toEqual([{ kind: 'claim', purpose: 'repair' }]);
      for (const granted of [steady, grant])
        expect(written(granted)).toMatchObject([{ kind: 'write-row', work: { goal: 'repair', versions: { retired: forgotten } } }]);
      expect(written(promotedGrant)).toMatchObject([
        { kind: 'write-row', work: { goal: 'repair-while-draining', rotationId: 'rot_2', versions: { retired: forgotten } } },
      ]);
    },
  );

  it('claims anew what was overtaken and whose row knows what the vault has forgotten', () => {
    const events: readonly Event[] = [{ kind: 'claimed', grant }, { kind: 'row-written' }, { kind: 'session-open' }];

    const overtaken = next(after(events, repairRow).state, { kind: 'epoch-answered', newestEpoch: 8 });

    expect(overtaken.state).toMatchObject({ at: 'claiming', purpose: 'repair', row: { goal: 'repair', versions: { retired: forgotten } } });
  });

  it('repeats the confirm for ever while the vault gives no answer', () => {
    let at = after(toConfirm);
    for (let attempt = 0; attempt < 100; attempt += 1) at = next(at.state, { kind: 'vault-unreachable' });

    expect(at).toEqual(after(toConfirm));
  });

  it('makes the pending version the live one and the live one the version before, once promoted', () => {
    const promoted = next(after(toConfirm).state, { kind: 'confirm-answered', outcome: { kind: 'promoted' } });

    expect(promoted.effects).toMatchObject([
      { kind: 'write-row', work: { goal: 'drain', versions: { live: { version: 2 }, pending: null, previous: { version: 1 } } } },
    ]);
  });

  it('claims anew after a restart and keeps the goal of its row under the new epoch', () => {
    const row: Row = { rotationId: 'rot_2', epoch: 6, strategy: 'flip', goal: 'undo', versions };

    expect(after([], row).effects).toEqual([{ kind: 'claim', purpose: 'work' }]);
    expect(after([{ kind: 'claimed', grant }], row).effects).toMatchObject([{ kind: 'write-row', work: { goal: 'undo', epoch: 7 } }]);
  });

  it('finishes the row of an old rotation before it takes up the new one', () => {
    const row: Row = { rotationId: 'rot_1', epoch: 6, strategy: 'flip', goal: 'retire', versions };
    const finishing = after([{ kind: 'claimed', grant }], row);

    expect(finishing.effects).toEqual([{ kind: 'finish-row', outcome: 'rotated' }]);
    expect(next(finishing.state, { kind: 'row-finished' }).effects).toMatchObject([{ kind: 'write-row', work: { rotationId: 'rot_2' } }]);
  });

  it('never carries a credential', () => {
    const states = toConfirm.map((_, index) => JSON.stringify(after(toConfirm.slice(0, index))));

    expect(
      states.filter((text) =>
        /password|username|credential/.test(text.replaceAll('overwriteForeignPassword', '').replaceAll('hasSecondPassword', '')),
      ),
    ).toEqual([]);
  });

  it('refuses an event that cannot follow from its effect', () => {
    expect(() => next(after(toLook).state, { kind: 'released' })).toThrow('released cannot happen while looking');
  });
});
