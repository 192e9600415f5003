/** The applications: an SDK that caches, asks and acknowledges, and a reader that names no instance and caches for ever. */
import type { Setting, Steps } from './steps.ts';
import { current, type World } from './world.ts';

export function readerSteps(setting: Setting, world: World, steps: Steps): void {
  const live = current(world);
  if (setting.readers.sdk) sdkSteps(setting, world, live, steps);
  if (setting.readers.unnamed && ((world.unnamedHolds >> live) & 1) === 0) {
    steps.add(() => `the unnamed reader reads v${live} and caches it`, { ...world, unnamedHolds: world.unnamedHolds | (1 << live) });
  }
}

function sdkSteps(setting: Setting, world: World, live: number, steps: Steps): void {
  const { cached, answer } = world;
  const held = (next: World): World => (setting.rules.readIsHold ? { ...next, sdkHolds: next.sdkHolds | (1 << live) } : next);
  if (answer < 0 && cached !== live) {
    steps.add(() => `the SDK asks; v${live} is on its way`, held({ ...world, answer: live }));
  }
  if (answer >= 0) {
    const kept = setting.rules.cachesNeverGoBack ? Math.max(cached, answer) : answer;
    steps.add(() => `the SDK receives v${answer} and holds v${kept}`, { ...world, cached: kept, answer: -1 });
    if (answer !== live && cached !== live) {
      steps.add(() => `the SDK asks again and receives v${live} at once`, held({ ...world, cached: live }));
    }
  }
  if (cached >= 0) {
    // An acknowledgement clears every hold on what is older, and is itself a hold on what it names.
    const sdkHolds = ((world.sdkHolds >> cached) << cached) | (1 << cached);
    if (sdkHolds !== world.sdkHolds) steps.add(() => `the SDK acknowledges v${cached}`, { ...world, sdkHolds });
  }
}
