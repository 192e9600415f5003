/** SIGUSR1 opens Node's debugger on a port that every user of the host can reach; with it, all that this process holds. */

/** From now on SIGUSR1 does nothing: a listener of ours takes the place of Node's own. */
export function keepDebuggerShut(): void {
  process.on('SIGUSR1', () => undefined);
}
