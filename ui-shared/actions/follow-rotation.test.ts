import { makeAgentFact } from '@sikkerkey/test/support/facts.ts';
import { describe, expect, test } from 'vitest';
import { rotationStage } from './follow-rotation.ts';

const now = 1_700_000_000_000;
const ended = (outcome: string) => ({ rotationId: 'rot_1', endedAt: now, durationMs: 1, outcome });

describe('how far a rotation has got', () => {
  test.each([
    ['before the daemon took it up', {}, 'under-way'],
    ['while another one runs', { rotationId: 'rot_0', state: 'PROMOTED' }, 'under-way'],
    ['while it is applied', { rotationId: 'rot_1', state: 'APPLYING' }, 'under-way'],
    ['while the vault has not answered for it', { rotationId: 'rot_1', state: 'SPLIT' }, 'under-way'],
    ['when its agent was stopped before the vault answered for it', { rotationId: 'rot_1', state: 'SPLIT', running: false }, 'failed'],
    ['when its agent was stopped before it could begin', { rotationId: null, state: 'STOPPED', running: false }, 'failed'],
    ['when its agent was stopped while it was applied', { rotationId: 'rot_1', state: 'STOPPED', running: false }, 'failed'],
    [
      'while its old password drains in an agent that is being stopped',
      { rotationId: 'rot_1', state: 'DRAINING', running: false },
      'promoted',
    ],
    ['when it is denied', { rotationId: 'rot_1', state: 'ACCESS_DENIED' }, 'failed'],
    ['once its password is live', { rotationId: 'rot_1', state: 'PROMOTED' }, 'promoted'],
    ['while the old one drains', { rotationId: 'rot_1', state: 'DRAINING' }, 'promoted'],
    ['when it was refused', { rotationId: 'rot_1', state: 'REJECTED' }, 'failed'],
    ['when it ended before we looked', { lastRotation: ended('rotated') }, 'over'],
    ['when it was rejected before we looked', { lastRotation: ended('rejected') }, 'failed'],
    ['when a newer one took its place', { lastRotation: ended('superseded') }, 'failed'],
  ] as const)('%s', (_name, part, stage) => {
    expect(rotationStage(makeAgentFact(now, part), 'rot_1')).toBe(stage);
  });
});
