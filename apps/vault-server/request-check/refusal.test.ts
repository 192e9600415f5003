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
