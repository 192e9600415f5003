/** The word on the last act. A rotation's is made from the facts of now: asked for, waiting, on its way, or over. */
import type { Overview } from '@sikkerkey/ui-shared/state/overview.ts';
import { endTheWait, holderWords, waitWords } from '@sikkerkey/ui-shared/wording/holders.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import type { Notice } from '../console-state.ts';

export interface NoticeWords {
  readonly text: string;
  /** What to do about it, and the command for it. */
  readonly wayOut: readonly [words: string, command: string] | null;
}

export function noticeWords(notice: Notice | null, { rows }: Overview): NoticeWords | null {
  if (notice === null) return null;
  switch (notice.kind) {
    case 'text':
      return { text: notice.text, wayOut: null };
    case 'rotation': {
      const { secretId, rotationId, waitsFor } = notice;
      const agent = rows.find((row) => row.agent.secretId === secretId)?.agent;
      const subject = `rotation of ${safeText(agent?.name ?? secretId)}`;
      if (agent?.lastRotation?.rotationId === rotationId) {
        const version = agent.version === null ? '' : `, v${agent.version} is live`;
        return { text: `${subject}: ${safeText(agent.lastRotation.outcome)}${version}`, wayOut: null };
      }
      if (agent?.rotationId === rotationId && agent.step !== null) return { text: `${subject}: ${agent.step}`, wayOut: null };
      // Then the lines of the agent, which is the selected one, say whom it waits for and the way out.
      if (agent?.state === 'WAITING_FOR_DRAIN') return { text: `${subject} asked for; it waits`, wayOut: null };
      if (waitsFor === null) return { text: `${subject} asked for`, wayOut: null };
      const words = waitWords(waitsFor.holdOuts.map(holderWords), waitsFor.drainDeadlineAt);
      return { text: `${subject} asked for; ${words}`, wayOut: endTheWait(secretId) };
    }
    default:
      return notice satisfies never;
  }
}
