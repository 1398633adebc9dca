import { expect, test } from '@jest/globals';
import type { SeededCampaign } from '../../src/campaign/enter-seeds.ts';
import { enterFailingSizes } from '../../src/campaign/enter-sizes.ts';
import type { Monitor } from '../../src/campaign/monitor/monitor.ts';
import type { Target } from '../../src/campaign/resolve/target.ts';
import type { Hit } from '../../src/fuzzer/scheduling/task.ts';
import type { SeedResult } from '../../src/fuzzer/seed-runner.ts';
import { testcaseId } from '../../src/inputs/testcase.ts';
import { traitsOf } from '../support/mutators.ts';
import { violationOf } from '../support/task-runner.ts';
import { testcaseOf } from '../support/tasks.ts';

const SEED = testcaseOf([1, 2, 3]);
const change = (size: number) => ({
  dimension: 'T',
  places: [{ input: 0, axis: 0 }],
  lengthInputs: [],
  size,
});

/** Enters failing sizes, of which those up to `sound` run after all; gives the hits that are stored, with their lineage. */
async function enter(sizes: readonly number[], sound: number, isKnown: boolean) {
  const stored: { readonly hit: Hit; readonly mutators: readonly string[] | undefined }[] = [];
  const counts: string[] = [];
  const target = {
    inputs: { seeds: [SEED], descriptors: [traitsOf({ size: 3 })] },
    sizeChanges: { running: [], failing: sizes.map(change), untried: [] },
  } as unknown as Target;
  const campaign = {
    state: {
      corpus: {
        indexOf: (id: string) => (isKnown && id === testcaseId(SEED) ? 4 : undefined),
        at: () => ({ id: 'seed' }),
      },
    },
    store: { folder: 'out' },
    findings: {
      confirmAndStore: async (
        [hit]: readonly Hit[],
        _task: number,
        originOf?: (hit: Hit) => { mutators: string[] } | undefined,
      ) => {
        stored.push({ hit, mutators: originOf?.(hit)?.mutators });
        return [];
      },
    },
    faults: {
      maxPerSignature: 5,
      countedSignatures: [],
      register: () => [],
      countHits: ([{ signature }]: { signature: string }[]) => counts.push(signature),
    },
  } as unknown as SeededCampaign;
  const runSeeds = async (testcases: readonly SeedResult['data'][]): Promise<SeedResult[]> =>
    testcases.map((data) => ({
      data,
      activations: new Float32Array(0),
      violation: data.inputs[0].length <= sound ? undefined : violationOf('crash-join'),
      predictedClass: -1,
      run: { rows: 1, row: 0 },
    }));
  await enterFailingSizes(target, { runSeeds }, campaign, {} as Monitor);
  return { stored, counts };
}

test('the first seed at each failing size is a finding that comes from the seed', async () => {
  const { stored, counts } = await enter([5, 7], 0, true);
  expect(stored.map(({ hit }) => [...hit.data.inputs[0]])).toEqual([
    [1, 2, 3, 3, 3],
    [1, 2, 3, 3, 3, 3, 3],
  ]);
  expect(stored.map(({ mutators }) => mutators)).toEqual([['x:size'], ['x:size']]);
  expect(counts).toEqual(['crash-join', 'crash-join']);
});

test('one that runs after all is none, and a seed that is not in the corpus is no ancestor', async () => {
  const { stored } = await enter([5, 7], 5, false);
  expect(stored.map(({ hit, mutators }) => [hit.data.inputs[0].length, mutators])).toEqual([[7, undefined]]);
});

test('nothing is run where no size fails', async () => {
  expect((await enter([], 0, true)).stored).toEqual([]);
});
