/**
 * Where the programs that tests start from source keep their code compiled: half of the processor time of a start goes
 * into reading TypeScript, and tests start some thousand processes. Keyed by content, so what changed is compiled anew.
 */
import { join } from 'node:path';

export const compiledCode: Readonly<Record<string, string>> = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, '..', '..', '.cache', 'compiled'),
};
