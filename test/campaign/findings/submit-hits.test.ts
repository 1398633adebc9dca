import { expect, test } from '@jest/globals';
import { rerunHits, submitHits } from '../../../src/campaign/findings/submit-hits.ts';
import type { Hit } from '../../../src/fuzzer/scheduling/task.ts';
import { SubmissionBudget } from '../../../src/fuzzer/seeds/submission-budget.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import type { Violation } from '../../../src/objectives/objective.ts';

const form = shapeSignatureOf([makeTestcaseInput({ name: 'x', type: 'float32', shape: [null, 1] }, [1])]);
const testcase = (value: number) => ({ form, inputs: [Float32Array.of(value)] });

const violation = (signature: string): Violation => ({
  objective: 'misclassified',
  signature,
  summary: '',
  tensors: [],
  details: {},
});

/** A hit whose pick is that of its seed. */
const hit = (seed: number, value: number): Hit => ({
  pick: seed,
  execs: 1,
  violation: violation('misclassified-on-surrogate'),
  data: testcase(value),
  batch: { data: testcase(value), rows: 1, row: 0 },
});

/** The model gives way above a half. */
async function submit(hits: readonly Hit[], submissions: SubmissionBudget, broken: readonly number[] = []) {
  const judged: number[] = [];
  const result = await submitHits(
    hits,
    { seedHits: [{ objective: 'misclassified', seed: 2, query: 5, linf: 9, l2: 9, l0: 9 }] },
    {
      judge: async ({ inputs: [[value]] }) => {
        judged.push(Number(value));
        return value > 0.5 ? { violation: violation('misclassified-on-model') } : {};
      },
    },
    {
      seedOf: ({ pick }) => pick,
      originOf: () => ({ ancestor: testcase(0.25) }) as never,
      submissions,
      accounts: { isUnbroken: (seed: number) => !broken.includes(seed) } as never,
    },
  );
  return { judged, ...result };
}

test('submits the first hit of each seed that is open and not broken', async () => {
  const budget = new SubmissionBudget({ each: 2 });
  budget.submit(2);
  budget.submit(3);
  budget.submit(3);
  const hits = [hit(1, 0.25), hit(2, 0.75), hit(2, 1), hit(3, 1), hit(4, 1)];
  const { judged, hits: held, counts, numbers, submitted } = await submit(hits, budget, [4]);
  // Seed 3 has no try left, and seed 4 is broken.
  expect(judged).toEqual([0.25, 0.75]);
  expect(submitted).toEqual({
    seeds: [1, 2],
    seedHits: [{ objective: 'misclassified', seed: 2, query: 5, linf: 0.5, l2: 0.5, l0: 1 }],
  });
  expect(held.map(({ violation: { signature } }) => signature)).toEqual(['misclassified-on-model']);
  expect(counts).toEqual([{ signature: 'misclassified-on-model', hits: 1 }]);
  expect(numbers?.get(held[0])).toBe(2);
});

test('keeps to the number of all submissions', async () => {
  const { judged } = await submit([hit(1, 0), hit(2, 0), hit(3, 0)], new SubmissionBudget({ total: 2 }));
  expect(judged).toHaveLength(2);
});

test('of a random model, a hit breaks its seed where it holds', async () => {
  const seedHit = (seed: number) => ({ objective: 'misclassified', seed, query: 1, linf: 1, l2: 1, l0: 1 });
  const asked: number[] = [];
  const { hits, submitted } = await rerunHits(
    [hit(1, 0.25), hit(2, 0.75), hit(3, 1), hit(4, 1)],
    { seedHits: [seedHit(1), seedHit(2), seedHit(3)], counts: [] },
    async ({ data }) => {
      const value = Number(data.inputs[0][0]);
      asked.push(value);
      return value > 0.5;
    },
    { seedOf: ({ pick }) => pick, accounts: { isUnbroken: (seed: number) => seed !== 3 } as never },
  );
  // Seed 3 is broken already, and no objective counts seed 4.
  expect(asked).toEqual([0.25, 0.75]);
  expect(submitted).toEqual({ seeds: [], seedHits: [seedHit(2)] });
  // What does not hold is left out; a seed that is broken already, and a hit that breaks none, are not asked about.
  expect(hits.map(({ pick }) => pick)).toEqual([2, 3, 4]);
});
