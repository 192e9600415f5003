/** `daemon stop`: what runs reaches its next journalled boundary, then the daemon ends; a restart goes on from there. */
import { DaemonError } from '@sikkerkey/ui-shared/client/daemon-error.ts';
import type { Command } from '../../command.ts';

export const stop: Command = {
  run: async (_input, context) => {
    const client = await context.connect({ startOnDemand: false });
    const ended = new Promise<void>((resolve) => {
      client.onClose(() => {
        resolve();
      });
    });
    try {
      await client.call('daemon.stop', {}, { deadlineMs: 30_000 });
    } catch (error) {
      // It may be gone before its answer is: then the connection's end is the answer.
      if (!(error instanceof DaemonError) || error.code !== 'daemon-connection-lost') throw error;
    }
    await ended;
    if (context.json) context.printJson({ running: false });
    else {
      context.tell('daemon stopped; no rotation runs on this machine until it is started again');
      context.hint('any command that needs it starts it again by itself; daemon status and daemon stop do not');
    }
    return 0;
  },
};
