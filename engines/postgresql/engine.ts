/** Binds the PostgreSQL engine's parts to the port that the rotation speaks to. */
import type { Candidate, EngineSession, RotationEngine } from '@sikkerkey/core/rotation/ports.ts';
import { statementSql } from './apply.ts';
import { type EngineDependencies, type PostgresqlEngineConfig, roleOfSlot } from './config.ts';
import { holdOutsOf, listSessions } from './drain.ts';
import { type FencedConnection, openFenced } from './fence.ts';
import { refuseOtherWayIn } from './hba-guard.ts';
import { lookAt, observe } from './look.ts';
import { verifyCandidate } from './verify.ts';

/** The engine of one managed secret. It holds no connection between calls; every method throws EngineFailure. */
export function createPostgresqlEngine(config: PostgresqlEngineConfig, dependencies: EngineDependencies): RotationEngine {
  return {
    openSession: async (secretId, epoch, signal, expectedServer) =>
      createSession(await openFenced(config, { secretId, epoch }, dependencies.clock, signal, expectedServer), config, dependencies),
    verify: (candidate, signal) => verifyCandidate(candidate, config, dependencies, signal),
    observe: (candidates, signal) => observe(config, candidates, dependencies, signal),
    sessionsOf: async (slot, signal) => holdOutsOf(await listSessions(config, slot, dependencies.clock, signal)),
  };
}

function createSession(fenced: FencedConnection, config: PostgresqlEngineConfig, dependencies: EngineDependencies): EngineSession {
  return {
    serverFingerprint: fenced.serverFingerprint,
    look: (candidates: readonly Candidate[], signal) => lookAt(fenced, config, candidates, dependencies, signal),
    execute: async (statement, candidates, signal) => {
      // What somebody uses already is opened whatever the file says by now: closed it is of no use to anybody.
      const isNew =
        statement.kind === 'enable' && candidates.some(({ version, isPending }) => isPending === true && version === statement.version);
      if (isNew) await refuseOtherWayIn(fenced, roleOfSlot(config.owner, statement.slot), config, signal);
      await fenced.change(`${await statementSql(statement, candidates, config, dependencies)};`, signal);
    },
    close: () => fenced.close(),
  };
}
