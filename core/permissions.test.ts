import { describe, expect, it } from 'vitest';
import { mayDo, permissions } from './permissions.ts';

describe('a local role', () => {
  it('may do what it and the roles before it may', () => {
    const allowed = permissions.map((held) => permissions.filter((needed) => mayDo(held, needed)));

    expect(allowed).toEqual([['view'], ['view', 'operate'], ['view', 'operate', 'admin']]);
  });
});
