import { expect, test } from '@jest/globals';
import { outputShape } from '../../../src/analysis/run-cost/shape-rules.ts';
import type { GraphNode } from '../../../src/model/graph/graph.ts';

function shapeOf(
  op: string,
  inputs: readonly (readonly number[])[],
  attributes: GraphNode['attributes'] = {},
  values: Record<string, number[]> = {},
) {
  const node = { name: op, op, inputs: inputs.map((_, i) => `i${i}`), outputs: ['o'], attributes };
  return outputShape(node, { inputs, values: new Map(Object.entries(values)) });
}

test.each([
  [
    'Conv',
    [
      [1, 3, 640, 640],
      [8, 3, 3, 3],
    ],
    { strides: [4, 4], pads: [1, 1, 1, 1] },
    [1, 8, 160, 160],
  ],
  [
    'Conv',
    [
      [1, 3, 10],
      [4, 3, 3],
    ],
    { auto_pad: 'SAME_UPPER', strides: [2] },
    [1, 4, 5],
  ],
  [
    'ConvTranspose',
    [
      [1, 8, 4, 4],
      [8, 2, 2, 2],
    ],
    { strides: [2, 2] },
    [1, 2, 8, 8],
  ],
  ['MaxPool', [[1, 8, 9, 9]], { kernel_shape: [3, 3], strides: [3, 3] }, [1, 8, 3, 3]],
  [
    'Conv2D',
    [
      [1, 8, 8, 3],
      [3, 3, 3, 5],
    ],
    { strides: [1, 2, 2, 1] },
    [1, 4, 4, 5],
  ],
  [
    'Conv2D',
    [
      [1, 8, 8, 3],
      [3, 3, 3, 5],
    ],
    { strides: [2, 2], padding: 'same', dataFormat: 'channelsLast' },
    [1, 4, 4, 5],
  ],
  [
    'Conv2D',
    [
      [1, 1, 300, 1],
      [1, 256, 1, 36],
    ],
    { strides: [1, 1, 4, 1], padding: 'VALID' },
    [1, 1, 12, 36],
  ],
  ['AvgPool', [[1, 9, 8, 3]], { strides: [2, 2], poolSize: [2, 2] }, [1, 5, 4, 3]],
  [
    'Conv',
    [
      [1, 8, 8, 3],
      [3, 3, 3, 5],
    ],
    { strides: [Number.NaN, 1] },
    [1, 8, 8, 3],
  ],
  [
    'Gemm',
    [
      [1, 16],
      [10, 16],
    ],
    { transB: 1 },
    [1, 10],
  ],
  [
    'MatMul',
    [
      [2, 5, 16],
      [16, 4],
    ],
    {},
    [2, 5, 4],
  ],
  ['Transpose', [[1, 2, 3]], { perm: [0, 2, 1] }, [1, 3, 2]],
  ['ReduceMean', [[1, 2, 3]], { axes: [-1], keepdims: 0 }, [1, 2]],
  [
    'Concat',
    [
      [1, 2],
      [1, 3],
    ],
    { axis: 1 },
    [1, 5],
  ],
  [
    'Gather',
    [
      [100, 8],
      [1, 7],
    ],
    {},
    [1, 7, 8],
  ],
  ['Flatten', [[2, 3, 4]], {}, [2, 12]],
  ['Add', [[1, 3, 4], [4]], {}, [1, 3, 4]],
] as const)('%s of %j with %j is %j', (op, inputs, attributes, expected) => {
  expect(shapeOf(op, inputs, attributes)).toEqual(expected);
});

test('a reshape keeps zeros and works out the size that is left', () => {
  expect(shapeOf('Reshape', [[2, 3, 4], [2]], {}, { i1: [0, -1] })).toEqual([2, 12]);
});
