/**
 * Stops this process for good (SIGKILL) at a named place, so that the crash tests prove what a restart finds. Does
 * nothing unless the test variable is set; nothing in the product sets it.
 */
import { readEnvironment } from './environment.ts';

export function failpoint(): (name: string) => void {
  const [target, count = '1'] = (readEnvironment().failpoint ?? '').split(':');
  let left = Number(count);
  return (name) => {
    if (name !== target) return;
    left -= 1;
    if (left <= 0) process.kill(process.pid, 'SIGKILL');
  };
}
