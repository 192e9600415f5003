/** Which login carries the live version, as the database shows it: enough for a plan, which changes nothing. */
import type { Slot } from '@sikkerkey/core/rotation/types.ts';
import type { Inspection } from '@sikkerkey/engines/postgresql/inspect.ts';

/** Of two that may log in (while draining) the one that is not the owner. */
export function liveSlotOf(inspection: Inspection, owner: string): Slot {
  const mayLogIn = (name: string): boolean => inspection.facts.roles.some((role) => role.name === name && role.mayLogIn);
  if (mayLogIn(`${owner}_a`)) return 'a';
  return mayLogIn(`${owner}_b`) ? 'b' : 'owner';
}
