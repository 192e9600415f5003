/** The places that a rotation passes from its claim to its receipt, each of which a process may die at. */
import type { Boundary } from '@sikkerkey/core/rotation/ports.ts';

export const rotationBoundaries: readonly Boundary[] = [
  'claimed',
  'journalled-apply',
  'session-open',
  'epoch-checked',
  'looked',
  'before-statement',
  'after-statement',
  'before-verify',
  'verified',
  'journalled-confirm',
  'before-confirm',
  'confirmed',
  'journalled-drain',
  'draining',
  'journalled-retire',
  'before-retired',
  'retired',
  'finished',
];
