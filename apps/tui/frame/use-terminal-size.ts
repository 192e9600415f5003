/** The terminal's size, told anew only when a resize has come to rest: a dragged window sends dozens of them. */

import type { Timekeeper } from '@sikkerkey/ui-shared/client/connection.ts';
import { useEffect, useState } from 'react';

export interface TerminalSize {
  current(): { readonly columns: number; readonly rows: number };
  /** Returns what removes the listener. */
  onResize(listener: () => void): () => void;
}

const restMs = 80;

export function useTerminalSize(size: TerminalSize, clock: Timekeeper): { readonly columns: number; readonly rows: number } {
  const [known, setKnown] = useState(() => size.current());
  useEffect(() => {
    let pending: AbortController | null = null;
    const stopListening = size.onResize(() => {
      pending?.abort();
      pending = new AbortController();
      clock.sleep(restMs, pending.signal).then(
        () => {
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
  }, [size, clock]);
  return known;
}
