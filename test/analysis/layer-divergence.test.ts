import { expect, test } from '@jest/globals';
import {
  divergenceText,
  firstDivergence,
  measureLayerDivergences,
} from '../../src/analysis/layer-divergence.ts';
import type { Model, NamedTensor } from '../../src/model/model.ts';
import { functionModel } from '../support/function-model.ts';

function modelOf(tensors: Readonly<Record<string, readonly number[]>>): Model {
  const named = Object.entries(tensors).map(
    ([name, values]): NamedTensor => ({
      name,
      type: 'float32',
      shape: [values.length],
      data: Float32Array.from(values),
    }),
  );
  return functionModel({ inputs: [], outputs: [], watchable: Object.keys(tensors) }, () => named);
}

const measure = (reference: Model, second: Model, batches = 1) =>
  measureLayerDivergences(
    reference,
    { model: second, outputs: new Map([['y', 'z']]), feeds: () => [] },
    Array.from({ length: batches }, () => [[], []] as const),
  );

test('the signal-to-noise ratio is that of squared sums, and the first layer below 20 dB is named', async () => {
  const { layers, first, bound } = await measure(
    modelOf({ a: [1, 1], b: [10, 0], y: [1, 2] }),
    modelOf({ a: [1, 1], b: [10, 1], z: [1, 3] }),
    2,
  );
  expect(bound).toBe(20);
  // b: 100 over 1 is 20 dB; y: 5 over 1 is 6.9897 dB. Both runs are alike and change nothing.
  expect(layers).toEqual([
    { tensor: 'a', copy: 'a', snr: null },
    { tensor: 'b', copy: 'b', snr: 20 },
    { tensor: 'y', copy: 'z', snr: 6.9897 },
  ]);
  expect(first).toBe('y');
});

test('tensors of other names are matched by shape, in order', async () => {
  const { layers } = await measure(
    modelOf({ p: [1, 2], q: [1, 2, 3], r: [4, 5] }),
    modelOf({ u: [1, 2, 3], v: [4, 5] }),
  );
  // p takes v, the first of its length; q finds u before that, and r finds none behind it.
  expect(layers.map(({ tensor, copy }) => [tensor, copy])).toEqual([['p', 'v']]);
});

test('layers of other sizes have no ratio; nothing but error is -999 dB', async () => {
  const { layers, first } = await measure(modelOf({ b: [1, 2], c: [0, 0] }), modelOf({ b: [1], c: [1, 1] }));
  expect(layers.map(({ snr }) => snr)).toEqual([null, -999]);
  expect(first).toBe('c');
});

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

test('a value that is finite in one model alone is the largest difference there is', async () => {
  const { layers, first } = await measure(
    modelOf({ same: [inf, nan, 1], a: [78616, 1], b: [1, inf], c: [inf, nan] }),
    modelOf({ same: [inf, nan, 1], a: [inf, 1], b: [1, 2], c: [-inf, inf] }),
    2,
  );
  expect(layers).toEqual([
    { tensor: 'same', copy: 'same', snr: null },
    { tensor: 'a', copy: 'a', snr: -999, nonFinite: 2 },
    { tensor: 'b', copy: 'b', snr: -999, nonFinite: 2 },
    { tensor: 'c', copy: 'c', snr: -999, nonFinite: 4 },
  ]);
  expect(first).toBe('a');
  expect(layers.map(divergenceText)).toEqual([
    'no difference',
    ...Array.from({ length: 2 }, () => '2 values not finite in one of the two'),
    '4 values not finite in one of the two',
  ]);
});

test('the first layer is told with the operation that computes it', async () => {
  const graph = {
    ...modelOf({}).graph,
    nodes: [{ name: 'squares', op: 'Pow', inputs: ['d'], outputs: ['sq'] }],
  };
  const divergences = await measure({ ...modelOf({ sq: [4] }), graph }, modelOf({ sq: [inf] }));
  expect(firstDivergence(divergences)).toBe('sq (Pow)');
  expect(firstDivergence(await measure(modelOf({ sq: [4] }), modelOf({ sq: [4] })))).toBeUndefined();
});
