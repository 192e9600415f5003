/**
 * Every state that two agents, a vault, a database and its readers can reach with up to two faults, searched completely
 * through the real machine of core/rotation; and, for each rule, what goes wrong without it.
 */
import type { Strategy } from '@sikkerkey/core/rotation/types.ts';
import { describe, expect, it } from 'vitest';
import type { PromiseName } from './promises.ts';
import { type SearchOptions, search } from './search.ts';

/** Half a minute on a free core; a shared one may take many times as long. */
const searchTimeoutMs = 600_000;

interface Whole {
  readonly strategy: Strategy;
  /** Fewer would mean that the search has lost a part of the world. */
  readonly leastStates: number;
}

const wholes: readonly Whole[] = [
  { strategy: 'single', leastStates: 300_000 },
  { strategy: 'flip', leastStates: 1_400_000 },
  { strategy: 'retain', leastStates: 1_500_000 },
];

describe('the rotation protocol with all eight rules, two agents, two rotations and up to two faults', () => {
  it.each(wholes)('keeps every promise in every state of $strategy', { timeout: searchTimeoutMs }, ({ strategy, leastStates }) => {
    const result = search({ strategy, faults: 2 });

    process.stdout.write(`explored ${strategy}: ${result.states} states of the world, ${result.machineStates} of the machine\n`);
    expect([...result.broken]).toEqual([]);
    expect(result.isComplete).toBe(true);
    expect(result.states).toBeGreaterThan(leastStates);
  });

  it('takes the machine to every place that it has', { timeout: searchTimeoutMs }, () => {
    const { places } = search({ strategy: 'flip', faults: 1 });

    expect([...places].sort()).toEqual([
      'asking',
      'claiming',
      'confirming',
      'counting-sessions',
      'draining',
      'executing for apply',
      'executing for repair',
      'executing for repair-while-draining',
      'executing for retire',
      'executing for undo',
      'finishing',
      'journalling',
      'looking',
      'opening',
      'probing',
      'probing-drain',
      'refused',
      'rejecting',
      'releasing',
      'reporting-retired',
      'resting',
      'verifying',
    ]);
  });
});

interface Hole {
  readonly name: string;
  readonly options: SearchOptions;
  readonly breaks: PromiseName;
}

const holes: readonly Hole[] = [
  {
    name: 'rule 1: a statement left in flight lands behind the look, and RETAIN sent again destroys the old password',
    options: { strategy: 'retain', rules: { fence: false }, faults: 1, faultKinds: ['in-flight'], agents: 1 },
    breaks: 'I1',
  },
  {
    name: 'rule 1: an older epoch changes the database after a newer one',
    options: { strategy: 'single', rules: { fence: false }, faultKinds: ['claim-expires', 'unfit'] },
    breaks: 'I3',
  },
  {
    name: 'rule 2: a confirm under an older epoch promotes a version that another agent is undoing',
    options: { strategy: 'single', rules: { vaultEpoch: false }, faultKinds: ['claim-expires', 'unfit'] },
    breaks: 'I1',
  },
  {
    name: 'rule 3: a version that was served but not acknowledged is retired under its reader',
    options: { strategy: 'flip', rules: { readIsHold: false }, faults: 0 },
    breaks: 'I1',
  },
  {
    name: 'rule 4: a late answer takes a cache back to the version that its acknowledgement let go',
    options: { strategy: 'flip', rules: { cachesNeverGoBack: false }, faults: 0 },
    breaks: 'I1',
  },
  {
    name: 'rule 5: DISCARD that takes the second password for the old one leaves what a restored backup brought back',
    options: { strategy: 'retain', rules: { secondPasswordUnknown: false }, faults: 1, faultKinds: ['restore'], agents: 1 },
    breaks: 'I1',
  },
  {
    name: 'rule 6: a restored backup lets a retired login in while the live one works',
    options: { strategy: 'flip', rules: { wholeShape: false }, faults: 1, faultKinds: ['restore'], agents: 1 },
    breaks: 'I4',
  },
  {
    name: 'rule 7: a restored backup brings back a password that nobody knows any more',
    options: { strategy: 'flip', rules: { keepsEndedValues: false }, faults: 1, faultKinds: ['restore'], agents: 1 },
    breaks: 'I2',
  },
  {
    name: 'rule 8: un-adoption in the middle of a drain closes a login that readers hold',
    options: { strategy: 'flip', rules: { unadoptionWaits: false }, faults: 1, faultKinds: ['un-adoption'], agents: 1 },
    breaks: 'I1',
  },
];

describe('without one of the rules', () => {
  it.each(holes)('$name', { timeout: searchTimeoutMs }, ({ options, breaks }) => {
    const result = search({ ...options, stopAtFirst: true });

    expect([...result.broken.keys()]).toContain(breaks);
    expect(result.broken.get(breaks)?.length).toBeGreaterThan(0);
  });

  it.each(holes)('and with it again the same world is sound: $name', { timeout: searchTimeoutMs }, ({ options }) => {
    const result = search({ ...options, rules: {} });

    expect([...result.broken]).toEqual([]);
    expect(result.isComplete).toBe(true);
  });
});
