import { describe, expect, test } from '@jest/globals';
import type { BatchDependence } from '../../../../src/analysis/batch-dependence/describe-dependence.ts';
import {
  type BatchDependenceOptions,
  resolveBatchDependence,
  testcasesToCompare,
} from '../../../../src/campaign/resolve/sizes/batch-dependence.ts';
import type { ModelInfo } from '../../../../src/model/model.ts';
import type { BatchLook } from '../../../../src/workers/look-at-batches.ts';
import { functionModel } from '../../../support/function-model.ts';
import { testcaseOf } from '../../../support/tasks.ts';

const DEPENDENCE: BatchDependence = {
  side: 'reference',
  cause: 'neighbours',
  operation: { name: 'ReduceMean_1', op: 'ReduceMean' },
};

const seeds = Array.from({ length: 40 }, (_, i) => testcaseOf([i, 1]));
const model = modelOf({ inputs: [{ name: 'x', type: 'float32', shape: [null, 2] }], outputs: ['y'] });

/** What is known of a single model that nothing runs. */
function modelOf(parts: Parameters<typeof functionModel>[0]): ModelInfo {
  const { secondModel: _none, ...info } = functionModel(parts, () => []);
  return info;
}

/** Resolves the batch, 64 unless told otherwise, of a model of which a look finds `found`. */
async function resolve(options: Partial<BatchDependenceOptions>, found?: BatchDependence) {
  const looks: BatchLook[] = [];
  const warnings: string[] = [];
  const probeWorker = {
    async lookAtBatches(look: BatchLook) {
      looks.push(look);
      return found;
    },
  };
  const resolved = await resolveBatchDependence(
    {
      model,
      seeds,
      batch: 64,
      requestedBatch: undefined,
      fixedBatch: undefined,
      recorded: undefined,
      ...options,
    },
    probeWorker,
    { info() {}, warn: (text) => warnings.push(text) },
  );
  return { resolved, looks, warnings };
}

describe('where answers depend on the rest of the batch', () => {
  test('runs are of one testcase, which is said', async () => {
    const { resolved, warnings } = await resolve({}, DEPENDENCE);
    expect(resolved).toEqual({ batch: 1, batchDependence: DEPENDENCE });
    expect(warnings).toEqual([
      'answers depend on the rest of the batch, first at ReduceMean_1: each run has one testcase; --batch sets more',
    ]);
  });

  test('a batch that was asked for stays', async () => {
    const { resolved, warnings } = await resolve({ batch: 32, requestedBatch: 32 }, DEPENDENCE);
    expect(resolved).toEqual({ batch: 32, batchDependence: DEPENDENCE });
    expect(warnings).toEqual([expect.stringMatching(/each run has 32 testcases anyway, as --batch asks/)]);
  });

  test('batches stay where an objective compares them', async () => {
    const { resolved, warnings } = await resolve({ comparesBatches: true }, DEPENDENCE);
    expect(resolved.batch).toBe(64);
    expect(warnings[0]).toContain('anyway, since an objective compares batches');
  });

  test('a campaign that is resumed looks at nothing and keeps what it recorded', async () => {
    const recorded = { batchDependence: DEPENDENCE };
    const { resolved, looks, warnings } = await resolve({ batch: 1, requestedBatch: 1, recorded });
    expect([resolved, looks]).toEqual([{ batch: 1, batchDependence: DEPENDENCE }, []]);
    expect(warnings).toHaveLength(1);
    expect((await resolve({ recorded: {} })).looks).toEqual([]);
  });
});

test('where they do not, the batch stays and nothing is said', async () => {
  const { resolved, looks, warnings } = await resolve({});
  expect(resolved).toEqual({ batch: 64, batchDependence: undefined });
  expect([looks.length, warnings.length]).toEqual([1, 0]);
});

test.each<[string, Partial<BatchDependenceOptions>]>([
  ['runs are of one testcase anyway', { batch: 1 }],
  ['the batch was fixed to 1', { fixedBatch: 'opened' }],
  ['all seeds are equal and read the same in reverse', { seeds: [testcaseOf([1, 1]), testcaseOf([1, 1])] }],
])('nothing is looked at where %s', async (_, options) => {
  expect((await resolve(options, DEPENDENCE)).looks).toEqual([]);
});

describe('a look', () => {
  const SIDE = 2000;

  /** A model of so many products of x with a square matrix. */
  const heavy = (layers: number) => {
    const nodes = Array.from({ length: layers }, (_, i) => ({
      name: `mm${i}`,
      op: 'MatMul',
      inputs: [i === 0 ? 'x' : `y${i - 1}`, 'w'],
      outputs: [i === layers - 1 ? 'y' : `y${i}`],
    }));
    const graph = { ...model.graph, nodes, inputs: ['x'], constants: new Map([['w', [SIDE, SIDE]]]) };
    return modelOf({
      inputs: [{ name: 'x', type: 'float32', shape: [null, SIDE] }],
      outputs: ['y'],
      graph,
    });
  };
  const rowsOf = async (layers: number, count: number): Promise<number> => {
    const many = Array.from({ length: count }, (_, i) => testcaseOf(new Array(SIDE).fill(i)));
    const { looks } = await resolve({ model: heavy(layers), seeds: many });
    return looks[0]?.testcases.length ?? 0;
  };

  test('takes fewer testcases of a slow model, and none of one that is slower than its few seeds', async () => {
    const rows = [];
    for (const layers of [1, 40, 1000]) rows.push(await rowsOf(layers, 8));
    expect(rows).toEqual([7, expect.any(Number), 0]);
    expect(rows[1]).toBeGreaterThanOrEqual(2);
    expect(rows[1]).toBeLessThan(7);
    // A quarter of what many seeds take is enough.
    expect(await rowsOf(1000, 160)).toBe(7);
  });
});

describe('the testcases of a look', () => {
  const numbersOf = (testcases: readonly { readonly inputs: readonly ArrayLike<number | bigint>[] }[]) =>
    testcases.map(({ inputs }) => [...Array.from(inputs[0])]);

  test('are different, and of the shape that most seeds have', () => {
    const mixed = [
      [1, 2],
      [1, 2, 3],
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ].map((values) => testcaseOf(values));
    expect(numbersOf(testcasesToCompare(mixed, 7))).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]);
    expect(testcasesToCompare(mixed, 2)).toHaveLength(2);
  });

  test('are a seed and its values in reverse where no two seeds have one shape', () => {
    expect(numbersOf(testcasesToCompare([testcaseOf([1, 2, 3])], 7))).toEqual([
      [1, 2, 3],
      [3, 2, 1],
    ]);
  });
});
