import { expect, test } from 'vitest';
import { done } from './refusal.ts';

test.each([
  { made: 'secret' as const, of: 'a secret within its project' },
  { made: 'project' as const, of: 'a project' },
])('a taken name is told as that of $of', ({ made }) => {
  expect(() => done({ kind: 'refused', reason: 'name-taken' }, 'project', made)).toThrowError(
    expect.objectContaining({ code: 'name-taken', details: { subject: made } }),
  );
});

test('what is not there is told as what the route looked up, not as what it was to make', () => {
  expect(() => done({ kind: 'refused', reason: 'not-found' }, 'project', 'secret')).toThrowError(
    expect.objectContaining({ code: 'not-found', details: { subject: 'project' } }),
  );
});

test('a published agent that is silent is named by its machine, and told from a login that nobody took on', () => {
  const silent = { kind: 'refused', reason: 'published-agent-silent', machineId: 'm_1', seenAt: Date.UTC(2026, 10, 21, 8) } as const;

  expect(() => done(silent, 'secret')).toThrowError(
    expect.objectContaining({ code: 'published-agent-silent', details: { machineId: 'm_1', heardAt: '2026-11-21T08:00:00.000Z' } }),
  );
  expect(() => done({ kind: 'refused', reason: 'not-adopted' }, 'secret')).toThrowError(expect.objectContaining({ code: 'not-adopted' }));
});
