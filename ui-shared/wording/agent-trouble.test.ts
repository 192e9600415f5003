import { makeAgentFact } from '@sikkerkey/test/support/facts.ts';
import { describe, expect, test } from 'vitest';
import { type ConditionName, conditionNamed } from '../state/agent-condition.ts';
import { agentTrouble } from './agent-trouble.ts';

const now = 1_700_000_000_000;
const trouble = (name: ConditionName, part: Parameters<typeof makeAgentFact>[1] = {}) =>
  agentTrouble(makeAgentFact(now, part), conditionNamed(name));

describe('what is wrong with an agent', () => {
  test.each(['OK', 'ROTATING', 'DRAINING', 'WAITING', 'UNKNOWN'] as const)('%s without an error is no trouble', (name) => {
    expect(trouble(name)).toBeNull();
  });

  test.each([
    ['an adopted agent that was stopped is started', { adopted: true, version: 3 }, 'sikkerkey agent start --secret sk_payments'],
    ['one that was never adopted is adopted', { adopted: false, version: 1 }, 'sikkerkey agent adopt --secret sk_payments'],
    ['one of which nothing was read yet is started', { adopted: false, version: null }, 'sikkerkey agent start --secret sk_payments'],
  ])('PAUSED: %s', (_name, part, command) => {
    expect(trouble('PAUSED', { running: false, state: 'STOPPED', ...part })?.nextStep).toBe(command);
  });

  test('the error of the daemon names the remedy, with the secret filled in', () => {
    expect(trouble('QUARANTINED', { state: 'QUARANTINED', errorCode: 'foreign-password' })).toEqual({
      title: 'somebody else has changed the password of the live login',
      nextStep: 'sikkerkey agent repair --secret sk_payments --overwrite-foreign-password',
    });
  });

  test('a stopped agent is started before its error can be mended', () => {
    const stopped = { running: false, state: 'QUARANTINED', errorCode: 'foreign-password' };

    expect(trouble('QUARANTINED', stopped)?.nextStep).toBe('sikkerkey agent start --secret sk_payments');
  });

  test.each(['DRIFT', 'REJECTED', 'SPLIT', 'QUARANTINED', 'DENIED', 'BLOCKED', 'NO JOURNAL', 'LATE', 'OFFLINE'] as const)(
    '%s without an error still names a command',
    (name) => {
      expect(trouble(name)?.nextStep).toMatch(/^sikkerkey /);
    },
  );
});
