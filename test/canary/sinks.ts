/**
 * Where a secret must never turn up: the bytes of every file, of everything that was printed, and of the arguments and
 * environments of every process. Searched for a value as it is and in the encodings that a careless program would use.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface Canary {
  readonly kind: string;
  readonly value: string;
}

export interface Sink {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The forms of a value that would give it away. */
function formsOf(value: string): readonly Buffer[] {
  const bytes = Buffer.from(value);
  // Base64 of a value inside of a longer text begins at one of three offsets; the ends depend on the neighbours.
  const shifted = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .slice(offset === 0 ? 0 : 4, -4),
  );
  const forms = [value, bytes.toString('hex'), bytes.toString('hex').toUpperCase(), encodeURIComponent(value), ...shifted];
  const texts = [...new Set(forms)].filter((form) => form.length >= 12).map((form) => Buffer.from(form));
  return [...texts, Buffer.from(value, 'utf16le')];
}

/** One sentence for each canary that was found in a sink. */
export function findCanaries(canaries: readonly Canary[], sinks: readonly Sink[]): string[] {
  return canaries.flatMap((canary) => {
    const forms = formsOf(canary.value);
    return sinks.filter((sink) => forms.some((form) => sink.bytes.includes(form))).map((sink) => `${canary.kind} is in ${sink.name}`);
  });
}

/** Every regular file below a directory but those named, which are the private files that a secret belongs into. */
export function filesBelow(label: string, directory: string, isItsPlace: (path: string) => boolean): Sink[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesBelow(`${label}/${entry.name}`, path, isItsPlace);
    if (!entry.isFile() || isItsPlace(path)) return [];
    return [{ name: `${label}/${entry.name}`, bytes: readFileSync(path) }];
  });
}

/** Arguments and environment of every process of this user, as the system shows them; those that have just ended are not there. */
export function processesNow(): Sink[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => ['cmdline', 'environ'].flatMap((part) => readProcess(pid, part)));
}

function readProcess(pid: string, part: string): Sink[] {
  try {
    if (statSync(`/proc/${pid}`).uid !== process.getuid?.()) return [];
    return [{ name: `${part} of a process`, bytes: readFileSync(`/proc/${pid}/${part}`) }];
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return [];
    throw error;
  }
}
