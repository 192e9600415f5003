/** `sikkerkey-vault audit verify`: checks the audit log of a data directory, whether a vault serves it or not. */
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { type AuditFinding, type AuditReport, verifyAuditFiles } from '../audit/verify.ts';
import { Keyring } from '../sealing/keyring.ts';
import type { Command } from './command-line.ts';
import { checkpointsFile, storedVaultRecord, storeFile } from './data-directory.ts';
import type { Terminal } from './terminal.ts';
import { readRootKey } from './unseal-key-source.ts';

const needsAttention = 6;

/** The exit code: 0 when all holds, 6 when something was found. Throws `vault-not-initialised`, `unseal-key-wrong`, `audit-checkpoints-missing`. */
export async function verifyAuditLog(command: Extract<Command, { kind: 'audit-verify' }>, terminal: Terminal): Promise<number> {
  const record = storedVaultRecord(command.dataDirectory);
  const keyring = new Keyring(record.vaultId, systemRandom);
  keyring.unseal(await readRootKey(command.keyFile, terminal, 'audit verify'), record.rootKeyVerifier);
  const keys = { auditKey: keyring.auditKey(), checkpointKey: keyring.checkpointKey() };
  const report = await verifyAuditFiles(storeFile(command.dataDirectory), checkpointsFile(command.dataDirectory), keys);
  await terminal.print(command.json ? JSON.stringify(report) : describe(report));
  return report.findings.length === 0 ? 0 : needsAttention;
}

function describe({ entries, checkpoints, findings, proven }: AuditReport): string {
  const upTo =
    proven === null
      ? 'no checkpoint is proven'
      : `proven up to entry ${proven.nodeSequence} of node ${proven.node}, at ${new Date(proven.at).toISOString()}`;
  const head = findings.length === 0 ? 'the audit log holds' : `the audit log does not hold: ${findings.length} found`;
  return [`${head}: ${entries} entries, ${checkpoints} checkpoints`, upTo, ...findings.map(describeFinding)].join('\n');
}

function describeFinding(finding: AuditFinding): string {
  switch (finding.kind) {
    case 'changed':
      return `  entry ${finding.nodeSequence} of node ${finding.node} is not what was written`;
    case 'missing':
      return `  ${finding.count} entries from ${finding.nodeSequence} of node ${finding.node} are missing`;
    case 'reordered':
      return `  entry ${finding.nodeSequence} of node ${finding.node} is not in its place`;
    case 'behind-checkpoint':
      return `  the log of node ${finding.node} ends at ${finding.nodeSequence}, before the checkpoint at ${finding.checkpoint}`;
    case 'not-the-checkpoint':
      return `  entry ${finding.nodeSequence} of node ${finding.node} is not the one that the checkpoint saw`;
    case 'checkpoint-changed':
      return `  line ${finding.line} of the checkpoints is not what was written`;
    default:
      throw new RangeError(finding satisfies never);
  }
}
