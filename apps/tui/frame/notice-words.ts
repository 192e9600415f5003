/** The word on the last act. A rotation's is made from the facts of now: asked for, on its way, or over. */
import type { Overview } from '@sikkerkey/ui-shared/state/overview.ts';
import { safeText } from '@sikkerkey/ui-shared/wording/safe-text.ts';
import type { Notice } from '../console-state.ts';

export function noticeWords(notice: Notice | null, { rows }: Overview): string | null {
  if (notice === null) return null;
  switch (notice.kind) {
    case 'text':
      return notice.text;
    case 'rotation': {
      const { secretId, rotationId, waits } = notice;
      const agent = rows.find((row) => row.agent.secretId === secretId)?.agent;
      const subject = `rotation of ${safeText(agent?.name ?? secretId)}`;
      if (agent?.lastRotation?.rotationId === rotationId) {
        const version = agent.version === null ? '' : `, v${agent.version} is live`;
        return `${subject}: ${safeText(agent.lastRotation.outcome)}${version}`;
      }
      if (agent?.rotationId === rotationId && agent.step !== null) return `${subject}: ${agent.step}`;
      return waits ? `${subject} asked for; it waits until the one before has drained` : `${subject} asked for`;
    }
    default:
      return notice satisfies never;
  }
}
