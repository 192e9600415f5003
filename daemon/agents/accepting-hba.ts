/** A person has seen what pg_hba.conf says of the login slots of a secret, and wants it so: kept line by line, for its address. */
import type { LocalResult } from '@sikkerkey/protocol/local/methods.ts';
import type { AgentConfiguration } from '@sikkerkey/protocol/vault/machine.ts';
import type { VaultContext } from '../vault-link/vaults.ts';
import { namingDatabase } from './database-refusal.ts';
import { addressOf } from './database-target.ts';
import { type PreparationDeps, readTarget } from './preparation.ts';

const acceptable: ReadonlySet<string> = new Set(['hba-differs-for-slots', 'hba-line-goes-by-name', 'hba-line-broken']);

/** Answers what is accepted. A later line that says something else stops a rotation again. Throws CatalogueError or EngineFailure. */
export async function acceptHba(
  deps: PreparationDeps,
  context: VaultContext,
  configuration: AgentConfiguration,
  signal: AbortSignal,
): Promise<LocalResult<'agent.acceptHba'>> {
  const target = await readTarget(deps, context, configuration);
  const engine = deps.engines({ ...target, acceptedHba: 'all' });
  const kind = configuration.adopted ? 'rotate' : 'adopt';
  const inspection = await namingDatabase(target, () => engine.inspect(kind, signal));
  deps.registry.setAcceptedHba(configuration.secretId, { address: addressOf(target), marks: [...engine.hbaMarks(inspection)] });
  return { findings: inspection.findings.filter(({ code }) => acceptable.has(code)).map((finding) => ({ ...finding })) };
}
