import { expect, test } from '@jest/globals';
import { exceededLimit } from '../../src/workers/watchdog.ts';

const LOADING = { memory: 1e9, seconds: 3.5 };

test.each([
  ['within all limits', { memory: 1e9, seconds: 3.5 }, LOADING, undefined],
  [
    'more than --memory',
    { memory: 4.1e9, seconds: 0 },
    undefined,
    'neurofuzz: more memory than --memory allows',
  ],
  [
    'more memory than loading may take',
    { memory: 1.1e9, seconds: 9 },
    LOADING,
    'neurofuzz: takes more than 1.0 GB of memory',
  ],
  [
    'more computing than loading may take',
    { memory: 1e8, seconds: 3.6 },
    LOADING,
    'neurofuzz: takes more than 3.5 s of computing',
  ],
  ['computing once a model is loaded', { memory: 1e8, seconds: 1e4 }, undefined, undefined],
])('%s', (_, used, loading, line) => {
  expect(exceededLimit(used, 4e9, loading)).toBe(line);
});
