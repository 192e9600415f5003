/** What the tests of the local API take from its schema. */
import { type Snapshot, snapshot } from '@sikkerkey/protocol/local/state.ts';

export { localWireVersion, maxRequestBytes } from '@sikkerkey/protocol/local/methods.ts';

/** Throws when it is no snapshot. */
export function snapshotOf(value: unknown): Snapshot {
  return snapshot.parse(value);
}
