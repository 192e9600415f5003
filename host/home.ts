/** Where things live on disk (wire-runtime §3): one function for each place, all below one base directory. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from './environment.ts';

export interface Home {
  /** `$SIKKERKEY_HOME`, else `~/.sikkerkey`. */
  readonly base: string;
  readonly vaults: string;
  vault(vaultId: string): string;
  identityFile(vaultId: string): string;
  privateKeyFile(vaultId: string): string;
  operatorFile(vaultId: string): string;
  /** Local agent configurations, shared with the published clients. */
  readonly agents: string;
  agentFile(secretId: string): string;
  readonly daemon: string;
  readonly journalFile: string;
  readonly daemonLockFile: string;
  /** The daemon's socket; its path is at most 95 bytes, checked before listening. */
  readonly socketDirectory: string;
  readonly socket: string;
}

export function homeOf(environment: Environment): Home {
  const base = environment.home ?? join(homedir(), '.sikkerkey');
  const vault = (vaultId: string): string => join(base, 'vaults', vaultId);
  const agents = join(base, 'agents');
  const daemon = join(base, 'daemon');
  const socketDirectory = join(daemon, 'socket');
  return {
    base,
    vaults: join(base, 'vaults'),
    vault,
    identityFile: (vaultId) => join(vault(vaultId), 'identity.json'),
    privateKeyFile: (vaultId) => join(vault(vaultId), 'private.pem'),
    operatorFile: (vaultId) => join(vault(vaultId), 'operator.json'),
    agents,
    agentFile: (secretId) => join(agents, `${secretId}.json`),
    daemon,
    journalFile: join(daemon, 'journal.db'),
    daemonLockFile: join(daemon, 'lock.db'),
    socketDirectory,
    socket: join(socketDirectory, 'sikkerkeyd.sock'),
  };
}
