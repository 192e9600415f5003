/** The calls that change something: each carries an idempotency key, so that asking again cannot do it twice. */
import type { LocalMethod } from '@sikkerkey/protocol/local/methods.ts';

const writeMethods: ReadonlySet<LocalMethod> = new Set<LocalMethod>([
  'daemon.stop',
  'identity.enroll',
  'operator.add',
  'operator.call',
  'agent.configure',
  'agent.acceptHba',
  'agent.adopt',
  'agent.unAdopt',
  'agent.start',
  'agent.stop',
  'agent.remove',
  'agent.rotate',
  'agent.repair',
]);

/** Kept equal to the schema by a test; the schema itself is too heavy to load at the start of a command. */
export function isWriteMethod(method: LocalMethod): boolean {
  return writeMethods.has(method);
}
