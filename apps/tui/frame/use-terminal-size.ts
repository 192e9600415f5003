/** The terminal's size, told anew only when a resize has come to rest: a dragged window sends dozens of them. */

import type { Timekeeper } from '@sikkerkey/ui-shared/client/connection.ts';
import { useEffect, useState } from 'react';

export interface TerminalSize {
  current(): { readonly columns: number; readonly rows: number };
  /** Returns what removes the listener. */
  onResize(listener: () => void): () => void;
}

/** A resize has come to rest when none followed within this time. */
export const restMs = 80;

/** `wipe`: the terminal has broken and moved lines as it liked, so that nothing of what was drawn may be relied on. */
export function useTerminalSize(
  size: TerminalSize,
  clock: Timekeeper,
  wipe: () => void,
): { readonly columns: number; readonly rows: number } {
  const [known, setKnown] = useState(() => size.current());
  useEffect(() => {
    let pending: AbortController | null = null;
    const stopListening = size.onResize(() => {
      pending?.abort();
      pending = new AbortController();
      clock.sleep(restMs, pending.signal).then(
        () => {
          wipe();
          // A new object also where the size is the old one again: what was wiped is drawn anew.
          setKnown(size.current());
        },
        // Another resize came first, or the screen is gone.
        () => undefined,
      );
    });
    return () => {
      pending?.abort();
      stopListening();
    };
  }, [size, clock, wipe]);
  return known;
}
