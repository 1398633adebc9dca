import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatRoute, parseRoute, type Route } from '../../../src/view/page/route.ts';

const name = fc.string({ unit: 'grapheme', minLength: 1 });
const selection = fc.record({ campaign: name, signature: name, finding: name });
const route: fc.Arbitrary<Route> = fc.oneof(
  fc.constant<Route>({ kind: 'list' }),
  name.map((campaign): Route => ({ kind: 'campaign', campaign })),
  fc
    .record({ campaign: name, signature: name, finding: fc.option(name, { nil: undefined }) })
    .map((parts): Route => ({ kind: 'fault', ...parts })),
  fc.array(selection, { minLength: 1 }).map((selections): Route => ({ kind: 'compare', selections })),
);

describe('a route', () => {
  test('is the same after it was an address, whatever names are in it', () => {
    fc.assert(fc.property(route, (shown) => expect(parseRoute(formatRoute(shown))).toEqual(shown)));
  });

  test.each(['', '#', '#/', '#/nowhere', '#/fault/only', '#/%E0%A4%A'])('is the list at %s', (hash) => {
    expect(parseRoute(hash)).toEqual({ kind: 'list' });
  });
});
