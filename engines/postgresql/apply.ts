/** The three changes of a credential, as SQL that holds a verifier and never a password. */
import { type Candidate, EngineFailure } from '@sikkerkey/core/rotation/ports.ts';
import type { Statement } from '@sikkerkey/core/rotation/types.ts';
import { type EngineDependencies, type PostgresqlEngineConfig, roleOfSlot } from './config.ts';
import { quoteIdentifier, quoteLiteral } from './quote.ts';
import { makeVerifier } from './scram.ts';

/** LOGIN and the password change together; an old expiry date would refuse the right password. */
export function enableSql(role: string, verifier: string): string {
  return `ALTER ROLE ${quoteIdentifier(role)} LOGIN PASSWORD ${quoteLiteral(verifier)} VALID UNTIL 'infinity'`;
}

/** NOLOGIN alone would keep the verifier (rotation-protocol.md rule 7). */
export function disableSql(role: string): string {
  return `ALTER ROLE ${quoteIdentifier(role)} NOLOGIN PASSWORD NULL`;
}

export function setSql(role: string, verifier: string): string {
  return `ALTER ROLE ${quoteIdentifier(role)} PASSWORD ${quoteLiteral(verifier)} VALID UNTIL 'infinity'`;
}

/** The SQL of one planned statement. Throws EngineFailure for what this engine does not do or the candidates lack. */
export async function statementSql(
  statement: Statement,
  candidates: readonly Candidate[],
  config: PostgresqlEngineConfig,
  dependencies: EngineDependencies,
): Promise<string> {
  const verifierOf = async (version: number): Promise<string> => {
    const candidate = candidates.find((one) => one.version === version);
    if (candidate === undefined) throw new EngineFailure('needs-person', 'credential-missing');
    return makeVerifier(candidate.credential.password, dependencies.random);
  };
  switch (statement.kind) {
    case 'enable':
      return enableSql(changeableRole(config, roleOfSlot(config.owner, statement.slot)), await verifierOf(statement.version));
    case 'disable':
      return disableSql(changeableRole(config, roleOfSlot(config.owner, statement.slot)));
    case 'set':
      return setSql(changeableRole(config, config.owner), await verifierOf(statement.version));
    case 'set-retaining':
    case 'discard':
      throw new EngineFailure('needs-person', 'statement-unsupported');
    default:
      return statement satisfies never;
  }
}

/** The role that we log in with to make changes is never changed: a mistake there would lock us out for good. */
function changeableRole(config: PostgresqlEngineConfig, role: string): string {
  if (role === config.adminUser) throw new EngineFailure('needs-person', 'owner-is-administrator');
  return role;
}
