import { describe, expect, test } from '@jest/globals';
import { measurePairNoise, NOISE_ROWS } from '../../src/evaluation/pair-noise.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import type { Model, NamedTensor } from '../../src/model/model.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { functionModel } from '../support/function-model.ts';
import { testcaseOf } from '../support/tasks.ts';

/** What a run of the pair adds to the logits of its rows, by the number of rows. */
type Shift = (rows: number) => readonly number[];

const WIDTH = 3;

/** A pair of models whose logits are their inputs, each moved by its own shift. */
function pairOf(
  reference: Shift,
  copy: Shift,
  options: {
    readonly unoptimized?: readonly number[];
    readonly softmax?: boolean;
    readonly onRows?: (rows: number) => void;
  } = {},
): Model {
  const { unoptimized, softmax = false, onRows = () => {} } = options;
  const outputOf = ([{ data, shape }]: readonly Tensor[], moved: readonly number[]): NamedTensor => {
    const logits = Float64Array.from(data as Float32Array, (value, i) => value + moved[i % WIDTH]);
    if (softmax)
      for (let from = 0; from < logits.length; from += WIDTH) {
        const row = logits.subarray(from, from + WIDTH);
        const sum = row.reduce((total, value) => total + Math.exp(value), 0);
        row.set(row.map((value) => Math.exp(value) / sum));
      }
    return { name: 'y', type: 'float32', shape, data: Float32Array.from(logits) };
  };
  const model = functionModel(
    { inputs: [{ name: 'x', type: 'float32', shape: [null, WIDTH] }], outputs: ['y'] },
    () => [],
  );
  return {
    ...model,
    async run(feeds) {
      const rows = feeds[0].shape[0];
      onRows(rows);
      return {
        outputs: [outputOf(feeds, reference(rows))],
        activations: [],
        secondOutputs: [outputOf(feeds, copy(rows))],
      };
    },
    capabilities:
      unoptimized === undefined
        ? {}
        : {
            unoptimizedRun: {
              run: async (feeds) => ({
                outputs: [outputOf(feeds, [0, 0, 0])],
                secondOutputs: [outputOf(feeds, unoptimized)],
              }),
            },
          },
  };
}

const still: Shift = () => [0, 0, 0];
const measure = (model: Model, threaded = model, rows: readonly (readonly number[])[] = [[4, 2, 1]]) =>
  measurePairNoise(new BatchedModel(model), async () => threaded, {
    testcases: rows.map((row) => testcaseOf([...row])),
    hasMemory: true,
  });

describe('the noise of a pair', () => {
  test('is the largest movement of a gap, of each side by itself, rounded up to a power of two', async () => {
    const model = pairOf(still, (rows) => (rows === 1 ? [0, 0, 0] : [0.25, -0.1, 0.1]));
    const { y } = await measure(model);
    // 0.25 and −0.1 lie 0.35 apart.
    expect(y.copy).toBe(0.5);
    // What a unit in the last place of 4 moves.
    expect(y.reference).toBe(2 ** -21);
  });

  test('is at least what two values of half precision differ by, where all values are such', async () => {
    const rows = [1.25, 2.5, 3.75].map((value) => [value, value / 4, 4.00390625]);
    const odd: Shift = () => [1e-4, 2e-4, 3e-4];
    const { y } = await measure(pairOf(odd, still), undefined, rows);
    // A unit in the last place of 4.002, in float32 and in float16, rounded up.
    expect(y).toEqual({ reference: 2 ** -20, copy: 2 ** -7 });
    const whole = [1, 2, 3].map((value) => [value, 2 * value, 4]);
    expect((await measure(pairOf(odd, still), undefined, whole)).y.copy).toBe(2 ** -20);
  });

  test('is none where all classes move alike', async () => {
    const model = pairOf((rows) => (rows === 1 ? [0, 0, 0] : [1, 1, 1]), still);
    expect((await measure(model)).y.reference).toBe(2 ** -21);
  });

  test('sees what threads and optimisation move', async () => {
    const calm = pairOf(still, still);
    const threaded = pairOf(still, () => [0.5, 0, 0]);
    expect((await measure(calm, threaded)).y.copy).toBe(0.5);
    const optimized = pairOf(still, still, { unoptimized: [0, 0, 1] });
    expect((await measure(calm, optimized)).y.copy).toBe(1);
  });

  test('of shares is that of their logarithms, of classes that have some', async () => {
    const moved: Shift = (rows) => (rows === 1 ? [0, 0, 0] : [0, 0.12, 0]);
    const near = await measure(pairOf(moved, still, { softmax: true }), undefined, [[1, 0, -1]]);
    expect(near.y.reference).toBe(0.125);
    // The second class has a share of e⁻²⁰: what moves it says nothing of ties.
    const far = await measure(pairOf(moved, still, { softmax: true }), undefined, [[20, 0, -20]]);
    expect(far.y.reference).toBeLessThan(1e-6);
  });

  test('is measured on every testcase with as many rows as said', async () => {
    let rows = 0;
    const model = pairOf(still, still, {
      unoptimized: [0, 0, 0],
      onRows: (count) => {
        rows += count;
      },
    });
    await measure(model, model, [
      [4, 2, 1],
      [1, 2, 3],
    ]);
    // But for the run without optimisation.
    expect(rows + 2).toBe(2 * NOISE_ROWS);
  });

  test('is not known where the runtime fails, and without the runs that fail', async () => {
    const failing = { ...pairOf(still, still), run: () => Promise.reject(new Error('no')) };
    expect(await measure(failing)).toEqual({});
    const model = pairOf(still, still);
    const onlyAlone: Model = {
      ...model,
      run: (feeds, watched) =>
        feeds[0].shape[0] === 1 ? model.run(feeds, watched) : Promise.reject(new Error('no')),
    };
    expect(Object.keys(await measure(onlyAlone))).toEqual(['y']);
  });

  test('is measured without further sessions where there is no memory for them', async () => {
    let loads = 0;
    const model = pairOf(still, still);
    const request = { testcases: [testcaseOf([4, 2, 1])], hasMemory: false };
    const load = async (): Promise<Model> => {
      loads++;
      return model;
    };
    await measurePairNoise(new BatchedModel(model), load, request);
    expect(loads).toBe(0);
    await measurePairNoise(new BatchedModel(model), load, { ...request, hasMemory: true });
    expect(loads).toBe(1);
  });
});
