/** For screen readers: linear text, the list once, then a sentence for each thing that changes; nothing is redrawn. */
import type { AgentFact } from '@sikkerkey/protocol/local/state.ts';
import type { Timekeeper } from '@sikkerkey/ui-shared/client/connection.ts';
import type { DaemonFollower } from '@sikkerkey/ui-shared/mirror/follow-daemon.ts';
import { overviewOf } from '@sikkerkey/ui-shared/state/overview.ts';
import { progressLine } from '@sikkerkey/ui-shared/wording/progress.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';

const judgedEveryMs = 5000;

/** Goes on until the process is ended. */
export async function announceChanges(follower: DaemonFollower, clock: Timekeeper, say: (line: string) => void): Promise<void> {
  const said = new Map<string, { readonly condition: string; readonly agent: AgentFact }>();
  let banner: string | null = null;
  const tell = (): void => {
    const overview = overviewOf(follower.current(), clock.now());
    const text = overview.banner === null ? 'The daemon answers.' : `${overview.banner.text}. ${overview.banner.command ?? ''}`.trim();
    if (text !== banner) say(text);
    banner = text;
    for (const { agent, condition } of overview.rows) {
      const before = said.get(agent.secretId);
      const progress = progressLine(before?.agent ?? null, agent);
      if (before === undefined || before.condition !== condition.name || progress !== null) {
        say(`${safeText(agent.name)}: ${condition.name}${progress === null ? '' : `. ${progress}`}`);
      }
      said.set(agent.secretId, { condition: condition.name, agent });
    }
  };
  follower.subscribe(tell);
  tell();
  for (;;) {
    await clock.sleep(judgedEveryMs);
    tell();
  }
}
