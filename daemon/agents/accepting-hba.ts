/** A person has seen what pg_hba.conf says of the login slots of a secret, and wants it so: kept for its address. */
import type { PlanKind } from '@sikkerkey/engines/postgresql/inspect.ts';
import type { LocalResult, Plan } from '@sikkerkey/protocol/local/methods.ts';
import type { AgentConfiguration } from '@sikkerkey/protocol/vault/machine.ts';
import type { VaultContext } from '../vault-link/vaults.ts';
import { namingDatabase } from './database-refusal.ts';
import { addressOf } from './database-target.ts';
import { type PreparationDeps, readTarget } from './preparation.ts';

const acceptable: ReadonlySet<string> = new Set(['hba-differs-for-slots', 'hba-line-goes-by-name', 'hba-line-broken']);

/**
 * Answers what is accepted, which is what the work that may come later would meet: turns, and the way back to the login from
 * either slot. That is said of all logins of the secret, so it takes the place of an earlier word: what was accepted then and
 * is still so is among it. Lines that say something else later stop the work again. Throws CatalogueError or EngineFailure.
 */
export async function acceptHba(
  deps: PreparationDeps,
  context: VaultContext,
  configuration: AgentConfiguration,
  signal: AbortSignal,
): Promise<LocalResult<'agent.acceptHba'>> {
  const target = await readTarget(deps, context, configuration);
  const engine = deps.engines({ ...target, acceptedHba: 'all' });
  const findings = new Map<string, Plan['findings'][number]>();
  const marks = new Set<string>();
  for (const kind of kindsAhead(configuration)) {
    const inspection = await namingDatabase(target, () => engine.inspect(kind, signal));
    for (const mark of inspection.hbaMarks) marks.add(mark);
    for (const finding of inspection.findings) if (acceptable.has(finding.code)) findings.set(JSON.stringify(finding), { ...finding });
  }
  deps.registry.setAcceptedHba(configuration.secretId, { address: addressOf(target), marks: [...marks] });
  return { findings: [...findings.values()] };
}

function kindsAhead({ adopted, strategy }: AgentConfiguration): readonly PlanKind[] {
  if (!adopted) return ['adopt'];
  return strategy === 'flip' ? ['rotate', 'way-back'] : ['rotate'];
}
