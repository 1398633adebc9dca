import { expect, test } from '@jest/globals';
import { type SeededCampaign, storeSeedFindings } from '../../src/campaign/enter-seeds.ts';
import { FaultRegistry } from '../../src/campaign/findings/fault-registry.ts';
import type { MutantOrigin } from '../../src/fuzzer/corpus/lineage.ts';
import type { Hit } from '../../src/fuzzer/scheduling/task.ts';
import type { SeedResult } from '../../src/fuzzer/seed-runner.ts';
import { testcaseOf } from '../support/tasks.ts';

const KEEP = 2;

/** The result of a seed that was judged in a run of so many rows. */
function resultOf(value: number, rows: number, row: number, isBroken = true): SeedResult {
  const violation = { objective: 'assert', signature: 'assert-x', summary: '', tensors: [], details: {} };
  return {
    data: testcaseOf([value]),
    activations: Float32Array.of(0),
    violation: isBroken ? violation : undefined,
    predictedClass: 0,
    run: { rows, row },
  };
}

/** Stores findings with a writer that finds every hit flaky; returns the hits that it is given, call by call. */
async function store(results: readonly SeedResult[], originOf: (index: number) => MutantOrigin | undefined) {
  const faults = new FaultRegistry({ maxPerSignature: KEEP, timedObjectives: [] });
  const calls: { readonly hits: readonly Hit[]; readonly origins: readonly unknown[] }[] = [];
  const findings = {
    async confirmAndStore(
      hits: readonly Hit[],
      _task: number,
      origin: (hit: Hit) => MutantOrigin | undefined,
    ) {
      calls.push({ hits, origins: hits.map(origin) });
      return hits.map(({ violation: { signature, objective } }, i) => {
        const finding = { id: `${calls.length}-${i}`, signature, objective, status: 'flaky', summary: '' };
        return { signature, objective, status: 'flaky', stored: { finding, path: '' } };
      });
    },
  };
  const shown: string[] = [];
  const campaign = { faults, findings, store: { folder: 'out' } } as unknown as SeededCampaign;
  await storeSeedFindings(results, originOf, campaign, { onFault: ({ signature }) => shown.push(signature) });
  return { calls, faults, shown };
}

test('violations of seeds go to be confirmed with the batch that they ran in, a run at a time', async () => {
  const results = [
    resultOf(1, 3, 0, false),
    resultOf(2, 3, 1),
    resultOf(3, 3, 2, false),
    resultOf(4, 1, 0),
    resultOf(5, 1, 0, false),
  ];
  const origins = results.map((_, i) => ({ mutationCount: i }) as MutantOrigin);
  const { calls, faults, shown } = await store(results, (i) => origins[i]);
  expect(calls.map((call) => call.origins)).toEqual([[origins[1]], [origins[3]]]);
  expect(calls.map(({ hits: [{ batch, data }] }) => [data.inputs[0][0], batch])).toEqual([
    [2, { rows: 3, row: 1, data: expect.objectContaining({ inputs: [Float32Array.of(1, 2, 3)] }) }],
    [4, { rows: 1, row: 0, data: expect.objectContaining({ inputs: [Float32Array.of(4)] }) }],
  ]);
  expect([faults.hitCount, shown]).toEqual([2, ['assert-x']]);
});

test('of one run a few are confirmed for each signature, and all are counted', async () => {
  const results = Array.from({ length: 8 }, (_, row) => resultOf(row, 8, row));
  const { calls, faults } = await store(results, () => undefined);
  expect(calls.map(({ hits }) => hits.length)).toEqual([KEEP]);
  expect(faults.hitCount).toBe(8);
});
