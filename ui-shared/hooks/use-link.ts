/** The followed daemon in a React component: re-renders when the mirror changes. */
import { useCallback, useSyncExternalStore } from 'react';
import type { DaemonFollower, Link } from '../mirror/follow-daemon.ts';

export function useLink(follower: DaemonFollower): Link {
  const subscribe = useCallback((listener: () => void) => follower.subscribe(listener), [follower]);
  return useSyncExternalStore(subscribe, () => follower.current());
}
