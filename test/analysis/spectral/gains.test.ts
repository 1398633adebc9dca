import { expect, test } from '@jest/globals';
import { boundAfter, type GainContext } from '../../../src/analysis/spectral/gains.ts';
import type { GraphNode } from '../../../src/model/graph/graph.ts';

interface Case {
  readonly node: Pick<GraphNode, 'op' | 'inputs'> & { readonly attributes?: GraphNode['attributes'] };
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly values?: Readonly<Record<string, readonly number[]>>;
}

/** How far y moves where x moves by 1, and nothing else does. */
function gain({ node, shapes, values = {} }: Case): number | undefined {
  const context: GainContext = {
    boundOf: (name) => (name === 'x' ? 1 : undefined),
    valuesOf: (name) => values[name],
    shapeOf: (name) => shapes[name],
    weightGainOf: () => undefined,
  };
  return boundAfter({ name: 'node', outputs: ['y'], ...node } as GraphNode, context);
}

// Each is reached: by the direction along which all repeated values move alike.
test.each([
  [
    'Selu with a slope of its own',
    { node: { op: 'Selu', inputs: ['x'], attributes: { alpha: 5, gamma: 3 } }, shapes: {} },
    15,
  ],
  [
    'the greater of a value and each of fifty',
    { node: { op: 'Max', inputs: ['x', 'c'] }, shapes: { x: [1, 1], y: [1, 50] } },
    Math.sqrt(50),
  ],
  [
    'the greatest along an axis',
    { node: { op: 'Max', inputs: ['x', 'axis'] }, shapes: { x: [1, 50], y: [1] } },
    1,
  ],
  [
    'rows taken twice, from the front and from the end',
    { node: { op: 'Gather', inputs: ['x', 'i'] }, shapes: { x: [4, 2] }, values: { i: [0, -4, 1] } },
    Math.SQRT2,
  ],
])('%s', (_, known, expected) => {
  expect(gain(known as Case)).toBeCloseTo(expected, 12);
});

test('rows whose number is not known are not counted from the end', () => {
  expect(
    gain({ node: { op: 'Gather', inputs: ['x', 'i'] }, shapes: {}, values: { i: [0, -4] } }),
  ).toBeUndefined();
});

test('LogSoftmax along any axis', () => {
  const bound = gain({
    node: { op: 'LogSoftmax', inputs: ['x'], attributes: { axis: 1 } },
    shapes: { x: [1, 100, 2] },
  });
  // Of one axis of 100 values it is 1 + √100.
  expect(bound).toBeGreaterThanOrEqual(11);
});
