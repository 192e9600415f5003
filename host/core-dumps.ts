/**
 * Keeps this process's memory out of core dumps. A process cannot lower its own core size limit from Node, so this
 * empties the kernel's dump filter instead: a dump would hold no memory at all. Service units set the limit as well.
 */
import { writeFileSync } from 'node:fs';

/** Whether it is done; false where the system has no such filter (not Linux) or forbids it. */
export function keepMemoryOutOfCoreDumps(): boolean {
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
    return true;
  } catch {
    return false;
  }
}
