import { expect, test } from '@jest/globals';
import { convolutionNorm } from '../../../src/analysis/spectral/convolution-norm.ts';
import { type Convolution, convolutionOf } from '../../../src/analysis/spectral/convolution-window.ts';
import {
  largestSingularValue,
  matrixMap,
  normalized,
} from '../../../src/analysis/spectral/power-iteration.ts';
import { drawNormal, randomStream } from '../../../src/core/random.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import { sizeOf } from '../../../src/tensor/tensor.ts';

/** Calls back for each product of a two-dimensional convolution: index of its result, of what it reads, and of the weight. */
function forEachProduct(
  { weightShape, groups, channels, space, steps, strides, dilations, before }: Convolution,
  visit: (y: number, x: number, w: number) => void,
): void {
  const [maps, perGroup, kernelHeight, kernelWidth] = weightShape;
  for (let map = 0; map < maps; map++)
    for (let row = 0; row < steps[0]; row++)
      for (let column = 0; column < steps[1]; column++)
        for (let c = 0; c < perGroup; c++)
          for (let i = 0; i < kernelHeight; i++)
            for (let j = 0; j < kernelWidth; j++) {
              const y = row * strides[0] + i * dilations[0] - before[0];
              const x = column * strides[1] + j * dilations[1] - before[1];
              if (y < 0 || x < 0 || y >= space[0] || x >= space[1]) continue;
              const channel = Math.floor(map / (maps / groups)) * perGroup + c;
              expect(channel).toBeLessThan(channels);
              visit(
                (map * steps[0] + row) * steps[1] + column,
                (channel * space[0] + y) * space[1] + x,
                ((map * perGroup + c) * kernelHeight + i) * kernelWidth + j,
              );
            }
}

/** 300 steps of the power iteration in double precision, with products written out. */
function normByProducts(convolution: Convolution): number {
  const products: [number, number, number][] = [];
  forEachProduct(convolution, (y, x, w) => void products.push([y, x, convolution.weight[w]]));
  const random = randomStream('test of norms');
  let x = Float64Array.from({ length: convolution.channels * sizeOf(convolution.space) }, () =>
    drawNormal(random),
  );
  let norm = 0;
  for (let step = 0; step < 300; step++) {
    x = new Float64Array(normalized(x).vector);
    const y = new Float64Array(convolution.weightShape[0] * sizeOf(convolution.steps));
    for (const [to, from, weight] of products) y[to] += weight * x[from];
    norm = Math.hypot(...y);
    x = new Float64Array(x.length);
    for (const [to, from, weight] of products) x[from] += weight * y[to];
  }
  return norm;
}

function drawn(shape: readonly number[]): Tensor {
  const random = randomStream('weights', ...shape);
  return {
    type: 'float32',
    shape,
    data: Float32Array.from({ length: sizeOf(shape) }, () => drawNormal(random)),
  };
}

const CASES: readonly {
  name: string;
  op: string;
  attributes: Record<string, number | string | readonly number[]>;
  weight: readonly number[];
  input: readonly number[];
  output: readonly number[];
  isTransposed?: boolean;
}[] = [
  {
    name: 'a convolution with zeros around',
    op: 'Conv',
    attributes: { pads: [1, 1, 1, 1] },
    weight: [4, 2, 3, 3],
    input: [1, 2, 8, 8],
    output: [1, 4, 8, 8],
  },
  {
    name: 'strides, dilations and groups',
    op: 'Conv',
    attributes: { strides: [2, 1], dilations: [1, 2], pads: [1, 0, 0, 2], group: 2 },
    weight: [4, 1, 3, 2],
    input: [1, 2, 8, 7],
    output: [1, 4, 4, 7],
  },
  {
    name: 'windows that do not reach the end',
    op: 'Conv',
    attributes: { strides: [3, 3] },
    weight: [3, 2, 2, 2],
    input: [1, 2, 10, 10],
    output: [1, 3, 3, 3],
  },
  {
    name: 'SAME in TensorFlow’s layout',
    op: 'Conv2D',
    attributes: { strides: [1, 2, 2, 1], padding: 'SAME' },
    weight: [3, 3, 2, 4],
    input: [1, 8, 8, 2],
    output: [1, 4, 4, 4],
  },
  {
    name: 'a depthwise convolution',
    op: 'DepthwiseConv2dNative',
    attributes: { strides: [1, 1], padding: 'valid' },
    weight: [3, 3, 2, 2],
    input: [1, 6, 6, 2],
    output: [1, 4, 4, 4],
  },
  {
    name: 'a transposed convolution',
    op: 'ConvTranspose',
    attributes: { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
    weight: [3, 2, 3, 3],
    input: [1, 3, 4, 4],
    output: [1, 2, 8, 8],
    isTransposed: true,
  },
];

test.each(CASES)(
  'the operator norm is within 1 % of 300 steps in double precision, and from σ to σ·√places: $name',
  async ({ op, attributes, weight, input, output, isTransposed = false }) => {
    const node = { name: 'layer', op, inputs: ['x', 'w'], outputs: ['y'], attributes };
    const convolution = convolutionOf(node, drawn(weight), input, output, isTransposed);
    if (convolution === undefined) throw new Error('the convolution is not understood');
    const norm = await convolutionNorm(convolution, ['norm']);
    expect(Math.abs(norm / normByProducts(convolution) - 1)).toBeLessThan(0.01);
    const [rows, ...rest] = convolution.weightShape;
    const columns = sizeOf(rest);
    const matrix = matrixMap(Float64Array.from(convolution.weight), rows, columns);
    const { sigma } = largestSingularValue(matrix, ['σ']);
    expect(norm).toBeLessThanOrEqual(sigma * Math.sqrt(sizeOf(rest.slice(1))) * 1.001);
    if (convolution.groups === 1) expect(norm).toBeGreaterThanOrEqual(sigma * 0.999);
  },
);

test('a convolution without known strides has none', () => {
  const node = { name: 'layer', op: 'Conv2D', inputs: ['x', 'w'], outputs: ['y'] };
  expect(convolutionOf(node, drawn([3, 3, 2, 4]), [1, 8, 8, 2], [1, 8, 8, 4], false)).toBeUndefined();
});
