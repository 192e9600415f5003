import { expect, test } from 'vitest';
import { StreamSlots } from './stream-slots.ts';

const refusal = (limit: number, whose: string) => expect.objectContaining({ code: 'too-many-streams', details: { limit, whose } });

test('one machine has so many streams, and another still gets its own', () => {
  const slots = new StreamSlots({ ofOneMachine: 2, inAll: 10 });
  slots.take('m1');
  const second = slots.take('m1');

  expect(() => slots.take('m1')).toThrow(refusal(2, 'this machine'));
  slots.take('m2');
  second[Symbol.dispose]();
  slots.take('m1');
  expect(() => slots.take('m1')).toThrow(refusal(2, 'this machine'));
});

test('all machines together have so many', () => {
  const slots = new StreamSlots({ ofOneMachine: 2, inAll: 3 });
  const first = slots.take('m1');
  slots.take('m2');
  slots.take('m3');

  expect(() => slots.take('m4')).toThrow(refusal(3, 'all machines together'));
  first[Symbol.dispose]();
  slots.take('m4');
});
