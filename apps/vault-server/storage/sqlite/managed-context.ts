/** What the groups of operations on managed secrets are built on: the one door to such a secret, and the changes of its state. */
import type { StoreContext } from './context.ts';
import type { RotationAccess } from './rotation-access.ts';
import type { RotationChanges } from './rotation-changes.ts';

export interface ManagedContext extends StoreContext {
  readonly changes: RotationChanges;
  readonly access: RotationAccess;
}
