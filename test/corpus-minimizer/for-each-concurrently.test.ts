import { expect, test } from '@jest/globals';
import { forEachConcurrently } from '../../src/corpus-minimizer/for-each-concurrently.ts';

test('every item has its turn, 16 at the same time', async () => {
  let [running, most] = [0, 0];
  const done: number[] = [];
  await forEachConcurrently(
    Array.from({ length: 40 }, (_, i) => i),
    async (item) => {
      running++;
      most = Math.max(most, running);
      await new Promise((resume) => setImmediate(resume));
      running--;
      done.push(item);
    },
  );
  expect(done).toEqual(Array.from({ length: 40 }, (_, i) => i));
  expect(most).toBe(16);
});
