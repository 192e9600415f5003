/** The wall clock in a React component, told anew every `everyMs`; ages and heartbeats are judged against it. */
import { useEffect, useState } from 'react';
import type { Timekeeper } from '../client/connection.ts';

export function useNow(clock: Timekeeper, everyMs: number): number {
  const [now, setNow] = useState(() => clock.now());
  useEffect(() => {
    const unmounted = new AbortController();
    const tick = (): void => {
      clock.sleep(everyMs, unmounted.signal).then(
        () => {
          setNow(clock.now());
          tick();
        },
        // Unmounted: the sleep was cut short on purpose.
        () => undefined,
      );
    };
    tick();
    return () => {
      unmounted.abort();
    };
  }, [clock, everyMs]);
  return now;
}
