/** What is bound to happen on a machine that may be busy: a generous limit costs nothing where it comes at once. */
import { vi } from 'vitest';

const withinMs = 20_000;

/** Resolves to what `check` returns as soon as it does not throw; throws its last error when the time is over. */
export function soon<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: withinMs, interval: 10 });
}
