import { expect, test } from '@jest/globals';
import { Backoffs } from '../../../src/distributed/node/backoffs.ts';

test('a backoff takes 10 s, then 20 s, then always 30 s, and ends by itself', () => {
  let now = 0;
  const backoffs = new Backoffs(() => now);
  expect(backoffs.isActive('a')).toBe(false);
  const durations = Array.from({ length: 4 }, () => {
    const duration = backoffs.start('a');
    now += duration - 1;
    expect(backoffs.isActive('a')).toBe(true);
    now++;
    expect(backoffs.isActive('a')).toBe(false);
    return duration;
  });
  expect(durations).toEqual([10_000, 20_000, 30_000, 30_000]);
});

test('a session that is over starts from the beginning, and others are not affected', () => {
  const backoffs = new Backoffs(() => 0);
  for (const session of ['a', 'b']) backoffs.start(session);
  backoffs.retain(new Set(['b']));
  expect([backoffs.isActive('a'), backoffs.isActive('b')]).toEqual([false, true]);
  expect([backoffs.start('a'), backoffs.start('b')]).toEqual([10_000, 20_000]);
});
