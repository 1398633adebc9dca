import { expect, test } from '@jest/globals';
import { runInHalves } from '../../src/evaluation/run-in-halves.ts';

async function outcomes(from: number, to: number, bad: readonly number[]) {
  const log: string[] = [];
  const run = async (first: number, last: number): Promise<string> => {
    log.push(`run ${first}-${last}`);
    const failing = bad.find((row) => row >= first && row < last);
    if (failing !== undefined) throw new Error(`row ${failing}`);
    return `${first}-${last}`;
  };
  for await (const outcome of runInHalves(from, to, run))
    log.push(
      'error' in outcome
        ? `failed ${outcome.from}: ${(outcome.error as Error).message}`
        : `got ${outcome.result}`,
    );
  return log;
}

test('rows that run are run once, together', async () => {
  expect(await outcomes(2, 7, [])).toEqual(['run 2-7', 'got 2-7']);
});

test('a row that fails is found by halving, and the others run without it, in their order', async () => {
  expect(await outcomes(0, 5, [3])).toEqual([
    'run 0-5',
    'run 0-2',
    'got 0-2',
    'run 2-5',
    'run 2-3',
    'got 2-3',
    'run 3-5',
    'run 3-4',
    'failed 3: row 3',
    'run 4-5',
    'got 4-5',
  ]);
});

test('the second half runs after the outcomes of the first are taken', async () => {
  const log = await outcomes(0, 2, [0, 1]);
  expect(log).toEqual(['run 0-2', 'run 0-1', 'failed 0: row 0', 'run 1-2', 'failed 1: row 1']);
});
