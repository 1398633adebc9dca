import { expect, test } from '@jest/globals';
import { LAYOUT_SHAPE_RULES } from '../../../src/analysis/run-cost/layout-shape-rules.ts';
import type { GraphNode } from '../../../src/model/graph/graph.ts';

/** Shape of an output; the inputs behind the first are given by their values. */
function shapeOf(
  op: string,
  x: readonly number[],
  others: readonly (readonly number[])[],
  attributes: GraphNode['attributes'] = {},
  shapes: readonly (readonly number[])[] = others.map((values) => [values.length]),
) {
  const inputs = ['x', ...others.map((_, i) => `i${i}`)];
  return LAYOUT_SHAPE_RULES[op](
    { name: op, op, inputs, outputs: ['o'], attributes },
    {
      inputs: [x, ...shapes],
      values: new Map(others.map((values, i): [string, readonly number[]] => [`i${i}`, values])),
    },
  );
}

test('axes are added and dropped, by an input or by an attribute', () => {
  expect(shapeOf('ExpandDims', [4, 5], [[-1]])).toEqual([4, 5, 1]);
  expect(shapeOf('Unsqueeze', [4, 5], [], { axes: [0, 3] })).toEqual([1, 4, 5, 1]);
  expect(shapeOf('Squeeze', [1, 4, 1], [[0]])).toEqual([4, 1]);
  expect(shapeOf('Squeeze', [1, 4, 1], [], { squeeze_dims: [-1] })).toEqual([1, 4]);
  expect(shapeOf('Squeeze', [1, 4, 1], [])).toEqual([4]);
  expect(shapeOf('Pack', [4], [[0, 0, 0, 0]], { axis: -1 })).toEqual([4, 2]);
});

test('padding lists both sides of an axis together in TensorFlow, and all starts before all ends in ONNX', () => {
  expect(shapeOf('Pad', [4, 5], [[1, 2, 3, 4]], {}, [[2, 2]])).toEqual([7, 12]);
  expect(shapeOf('Pad', [4, 5], [[1, 2, 3, 4]])).toEqual([8, 11]);
});

test('slices count from the end too, with steps, and drop and add axes', () => {
  expect(shapeOf('Slice', [1, 10], [[-4], [2 ** 31], [1], [2]])).toEqual([1, 2]);
  expect(shapeOf('Slice', [1, 10], [], { starts: [2], ends: [5], axes: [1] })).toEqual([1, 3]);
  const masks = { begin_mask: 5, end_mask: 5, new_axis_mask: 2 };
  expect(
    shapeOf(
      'StridedSlice',
      [1, 99],
      [
        [0, 0, 0],
        [0, 0, 0],
        [1, 1, 1],
      ],
      masks,
    ),
  ).toEqual([1, 1, 99]);
  expect(
    shapeOf(
      'StridedSlice',
      [3, 99],
      [
        [0, 0],
        [1, 9],
        [1, 1],
      ],
      { shrink_axis_mask: 1 },
    ),
  ).toEqual([9]);
});

test('a shape that an input holds is taken', () => {
  expect(shapeOf('Expand', [1], [[4, 2]])).toEqual([4, 2]);
  expect(shapeOf('Tile', [2, 3], [[2, 1]])).toEqual([4, 3]);
});

test('what is not known stays unknown', () => {
  expect(shapeOf('Slice', [1, 10], [])).toBeUndefined();
  expect(shapeOf('ExpandDims', [4], [])).toBeUndefined();
});

test('pictures are resized to a height and a width, or by factors', () => {
  expect(shapeOf('ResizeBilinear', [1, 8, 6, 3], [[16, 24]])).toEqual([1, 16, 24, 3]);
  const byFactors = (dataFormat: string) =>
    shapeOf('ResizeNearestNeighbor', [1, 8, 6, 3], [], { size: [2, 4], dataFormat });
  expect(byFactors('channelsLast')).toEqual([1, 16, 24, 3]);
  expect(byFactors('channelsFirst')).toEqual([1, 8, 12, 12]);
});
