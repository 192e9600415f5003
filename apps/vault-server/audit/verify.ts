/**
 * Checks the whole audit log against its chain and against the checkpoints kept outside the store. Finds entries that
 * were edited, removed or moved, an end that was cut off, and a store put back to an earlier state; says up to which
 * checkpoint the log is proven. Cannot see entries cut off after the last checkpoint, nor a store put back together
 * with its checkpoints: keep copies of the checkpoint file elsewhere.
 */
import { type KeyObject, timingSafeEqual } from 'node:crypto';
import { readPrivateFile } from '@sikkerkey/host/private-files.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { AuditEntry } from '../storage/audit-records.ts';
import { readAuditEntries } from '../storage/sqlite/audit-reader.ts';
import { createAuditAuthenticator } from './chain.ts';
import { type Checkpoint, readCheckpoints } from './checkpoints.ts';

export interface StoredAuditEntry extends AuditEntry {
  readonly mac: Uint8Array;
}

export type AuditFinding =
  /** The entry is not what was written. */
  | { readonly kind: 'changed'; readonly node: string; readonly nodeSequence: number }
  /** Entries from `nodeSequence` on are not there. */
  | { readonly kind: 'missing'; readonly node: string; readonly nodeSequence: number; readonly count: number }
  /** The entry is not in its place. */
  | { readonly kind: 'reordered'; readonly node: string; readonly nodeSequence: number }
  /** The log ends before a checkpoint: cut off, or the store was put back. `nodeSequence`: where it ends. */
  | { readonly kind: 'behind-checkpoint'; readonly node: string; readonly nodeSequence: number; readonly checkpoint: number }
  /** The log holds another entry than the checkpoint saw: the store was put back and written on. */
  | { readonly kind: 'not-the-checkpoint'; readonly node: string; readonly nodeSequence: number }
  /** A line of the checkpoint file was changed, moved, or one before it removed. */
  | { readonly kind: 'checkpoint-changed'; readonly line: number };

export interface AuditReport {
  readonly entries: number;
  readonly checkpoints: number;
  readonly findings: readonly AuditFinding[];
  /** The newest checkpoint that log and chain agree with and before which nothing was found; null when there is none. */
  readonly proven: { readonly node: string; readonly nodeSequence: number; readonly at: number } | null;
}

export interface AuditKeys {
  readonly auditKey: KeyObject;
  readonly checkpointKey: KeyObject;
}

/** At most so many findings are listed; a log that was rewritten would give as many as it has entries. */
const mostFindings = 1000;

/** Verifies the files of a vault, running or not. Throws `audit-checkpoints-missing`, or where a file cannot be read. */
export async function verifyAuditFiles(storeFile: string, checkpointFile: string, keys: AuditKeys): Promise<AuditReport> {
  const content = await readCheckpointFile(checkpointFile);
  return readAuditEntries(storeFile, (entries) => verifyAudit(entries, content, keys));
}

/** A log without its checkpoints may have been cut at the end unseen, so it is never called sound. */
async function readCheckpointFile(path: string): Promise<string> {
  try {
    return Buffer.from(await readPrivateFile(path)).toString('utf8');
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    throw missing ? new CatalogueError('audit-checkpoints-missing', {}, { cause }) : cause;
  }
}

/** `entries` in the order of the log. */
export function verifyAudit(entries: Iterable<StoredAuditEntry>, checkpointContent: string, keys: AuditKeys): AuditReport {
  const reading = readCheckpoints(checkpointContent, keys.checkpointKey);
  const walk = new ChainWalk(keys.auditKey, reading.checkpoints);
  for (const entry of entries) walk.step(entry);
  const broken: AuditFinding[] = reading.brokenLine === null ? [] : [{ kind: 'checkpoint-changed', line: reading.brokenLine }];
  const behind = walk.behindCheckpoints();
  return {
    entries: walk.entries,
    checkpoints: reading.checkpoints.length,
    findings: [...walk.findings, ...behind, ...broken].slice(0, mostFindings),
    proven: walk.proven,
  };
}

interface Chain {
  sequence: number;
  mac: Uint8Array;
  sound: boolean;
}

class ChainWalk {
  readonly findings: AuditFinding[] = [];
  entries = 0;
  proven: AuditReport['proven'] = null;
  readonly #authenticator;
  readonly #chains = new Map<string, Chain>();
  readonly #checkpoints = new Map<string, Map<number, Checkpoint>>();

  constructor(auditKey: KeyObject, checkpoints: readonly Checkpoint[]) {
    this.#authenticator = createAuditAuthenticator(auditKey);
    for (const checkpoint of checkpoints) {
      const ofNode = this.#checkpoints.get(checkpoint.node) ?? new Map<number, Checkpoint>();
      this.#checkpoints.set(checkpoint.node, ofNode.set(checkpoint.nodeSequence, checkpoint));
    }
  }

  step(entry: StoredAuditEntry): void {
    this.entries += 1;
    const { node, nodeSequence } = entry;
    const chain = this.#chains.get(node) ?? { sequence: 0, mac: new Uint8Array(), sound: true };
    this.#chains.set(node, chain);
    if (nodeSequence <= chain.sequence) {
      this.#find(chain, { kind: 'reordered', node, nodeSequence });
      return;
    }
    if (nodeSequence > chain.sequence + 1) {
      this.#find(chain, { kind: 'missing', node, nodeSequence: chain.sequence + 1, count: nodeSequence - chain.sequence - 1 });
    } else if (!equal(this.#authenticator.authenticate(chain.mac, entry), entry.mac)) {
      this.#find(chain, { kind: 'changed', node, nodeSequence });
    }
    chain.sequence = nodeSequence;
    chain.mac = entry.mac;
    this.#compare(chain, entry);
  }

  behindCheckpoints(): AuditFinding[] {
    return [...this.#checkpoints].flatMap(([node, checkpoints]): AuditFinding[] => {
      const newest = [...checkpoints.keys()].reduce((most, sequence) => Math.max(most, sequence), 0);
      const end = this.#chains.get(node)?.sequence ?? 0;
      return newest > end ? [{ kind: 'behind-checkpoint', node, nodeSequence: end, checkpoint: newest }] : [];
    });
  }

  #compare(chain: Chain, entry: StoredAuditEntry): void {
    const checkpoint = this.#checkpoints.get(entry.node)?.get(entry.nodeSequence);
    if (checkpoint === undefined) return;
    const { node, nodeSequence, at } = checkpoint;
    if (!equal(checkpoint.mac, entry.mac)) this.#find(chain, { kind: 'not-the-checkpoint', node, nodeSequence });
    else if (chain.sound) this.proven = { node, nodeSequence, at };
  }

  #find(chain: Chain, finding: AuditFinding): void {
    chain.sound = false;
    if (this.findings.length < mostFindings) this.findings.push(finding);
  }
}

function equal(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
