/**
 * Checkpoints of the audit chains, in a file beside the store: one line each, authenticated together with the line
 * before it. A store that was cut or put back to an earlier state no longer agrees with them.
 */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Clock } from '@sikkerkey/core/clock.ts';
import type { AuditHead } from '../storage/audit-records.ts';
import type { VaultOperations } from '../storage/storage.ts';

export interface Checkpoint {
  readonly node: string;
  readonly nodeSequence: number;
  /** The chain's value at that entry. */
  readonly mac: Uint8Array;
  readonly at: number;
}

export interface CheckpointReading {
  /** Those before the first line that does not hold. */
  readonly checkpoints: readonly Checkpoint[];
  /** Number (from 1) of the first line that was changed, removed before, or put elsewhere; null when all hold. */
  readonly brokenLine: number | null;
}

const macLength = 32;

/** A line without its end is a crash while writing, and is not counted: nothing was acknowledged by it. */
export function readCheckpoints(content: string, key: KeyObject): CheckpointReading {
  const lines = content.split('\n').slice(0, -1);
  const checkpoints: Checkpoint[] = [];
  let previous: Uint8Array = new Uint8Array();
  for (const [index, line] of lines.entries()) {
    const [text, mac] = splitLine(line);
    const expected = lineMac(key, previous, text);
    const checkpoint = parseText(text);
    if (checkpoint === null || mac.length !== macLength || !timingSafeEqual(mac, expected)) return { checkpoints, brokenLine: index + 1 };
    checkpoints.push(checkpoint);
    previous = mac;
  }
  return { checkpoints, brokenLine: null };
}

/** The file, open for appending; one writer, as the store has. */
export class CheckpointLog {
  readonly #file: FileHandle;
  readonly #key: KeyObject;
  readonly #written = new Map<string, number>();
  #previous: Uint8Array;

  private constructor(file: FileHandle, key: KeyObject, reading: CheckpointReading, previous: Uint8Array) {
    this.#file = file;
    this.#key = key;
    this.#previous = previous;
    for (const checkpoint of reading.checkpoints) this.#written.set(checkpoint.node, checkpoint.nodeSequence);
  }

  /** Opens or creates the file (0600) and drops a torn last line. A broken file is gone on with: `verifyAudit` tells. */
  static async open(path: string, key: KeyObject): Promise<CheckpointLog> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o600);
    try {
      const content = await file.readFile('utf8');
      const whole = content.slice(0, content.lastIndexOf('\n') + 1);
      if (whole.length < content.length) await file.truncate(Buffer.byteLength(whole));
      const lastLine = whole.split('\n').at(-2) ?? '';
      return new CheckpointLog(file, key, readCheckpoints(whole, key), splitLine(lastLine)[1]);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Appends a line for each chain that moved on; on disk when resolved. */
  async write(heads: readonly AuditHead[], now: number): Promise<void> {
    const moved = heads.filter((head) => head.nodeSequence > (this.#written.get(head.node) ?? 0));
    if (moved.length === 0) return;
    let text = '';
    let previous = this.#previous;
    for (const head of moved) {
      const line = JSON.stringify([1, head.node, head.nodeSequence, Buffer.from(head.mac).toString('base64'), now]);
      previous = lineMac(this.#key, previous, line);
      text += `${line} ${Buffer.from(previous).toString('base64')}\n`;
    }
    await this.#file.appendFile(text);
    await this.#file.sync();
    this.#previous = previous;
    for (const head of moved) this.#written.set(head.node, head.nodeSequence);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Writes a checkpoint every `everyMs` while entries come, and a last one when the signal ends it. */
export async function runCheckpoints(
  log: CheckpointLog,
  storage: Pick<VaultOperations, 'auditHeads'>,
  clock: Clock,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await log.write(await storage.auditHeads(), clock.now());
    await clock.sleep(everyMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
  await log.write(await storage.auditHeads(), clock.now());
}

function lineMac(key: KeyObject, previous: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(previous).update(text, 'utf8').digest();
}

function splitLine(line: string): readonly [string, Buffer] {
  const space = line.lastIndexOf(' ');
  return space < 0 ? [line, Buffer.alloc(0)] : [line.slice(0, space), Buffer.from(line.slice(space + 1), 'base64')];
}

function parseText(text: string): Checkpoint | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(parsed)) return null;
  const [form, node, nodeSequence, mac, at]: readonly unknown[] = parsed;
  if (form !== 1 || typeof node !== 'string' || typeof mac !== 'string' || typeof nodeSequence !== 'number' || typeof at !== 'number')
    return null;
  return { node, nodeSequence, mac: Buffer.from(mac, 'base64'), at };
}
