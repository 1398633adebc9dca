import { expect, test } from '@jest/globals';
import { randomStream, shuffle } from '../../src/core/random.ts';

test('shuffles in place: the same values, in an order that the stream draws', () => {
  const values = Array.from({ length: 50 }, (_, i) => i);
  const shuffled = shuffle([...values], randomStream('order'));
  expect(shuffled).not.toEqual(values);
  expect([...shuffled].sort((a, b) => a - b)).toEqual(values);
  expect(shuffle([...values], randomStream('order'))).toEqual(shuffled);
  const typed = Float32Array.from(values);
  expect(shuffle(typed, randomStream('order'))).toBe(typed);
  // Each of three values comes first in a third of the orders.
  const random = randomStream('many');
  const firsts = Array.from({ length: 3000 }, () => shuffle([0, 1, 2], random)[0]);
  for (const value of [0, 1, 2]) {
    const share = firsts.filter((first) => first === value).length / 3000;
    expect(Math.abs(share - 1 / 3)).toBeLessThan(0.05);
  }
});
