/** The steps of a running rotation in their order: done, current, or to come. */
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';

export type RailStep = NonNullable<AgentFact['step']>;
export type StepStatus = 'done' | 'current' | 'to-come';

/** Kept equal to protocol/local/state.ts by a test; the schema itself is too heavy for a front end's start. */
export const railStepsInOrder: readonly RailStep[] = ['received', 'sealed', 'applied', 'verified', 'promoted', 'draining', 'retired'];

export interface RailEntry {
  readonly step: RailStep;
  readonly status: StepStatus;
}

/** Empty when no rotation runs, or when the step is one that this program does not know. */
export function stepRail(current: string | null): readonly RailEntry[] {
  const at = indexOfStep(current);
  if (at < 0) return [];
  return railStepsInOrder.map((step, index) => ({ step, status: index < at ? 'done' : index === at ? 'current' : 'to-come' }));
}

/** `4/7`, for narrow places. */
export function stepNumber(current: string | null): string {
  const at = indexOfStep(current);
  return at < 0 ? '' : `${at + 1}/${railStepsInOrder.length}`;
}

/** -1 for none, and for a step that this program does not know. */
function indexOfStep(current: string | null): number {
  const names: readonly (string | null)[] = railStepsInOrder;
  return names.indexOf(current);
}
