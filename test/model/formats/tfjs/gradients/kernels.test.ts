import { beforeAll, describe, expect, test } from '@jest/globals';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { type Random, randomStream } from '../../../../../src/core/random.ts';
import { startTfjs } from '../../../../../src/model/formats/tfjs/backend.ts';
import {
  loadEveryKernel,
  withEveryKernel,
} from '../../../../../src/model/formats/tfjs/gradients/missing-kernels.ts';
import { registerMoreRules } from '../../../../../src/model/formats/tfjs/gradients/more-rules.ts';
import { differentiate } from '../../../../../src/model/formats/tfjs/gradients/tape.ts';

/**
 * Gradients of TensorFlow.js' kernels against central differences: the derivative of Σ upstream·y along a random direction, summed in
 * double precision. Kernels that TensorFlow.js differentiates wrongly, not at all, or in memory that it does not clear.
 */
const STEP = 2 ** -10;
const TOLERANCE = 2e-3;

type Draw = (...shape: number[]) => tf.Tensor;
type Function = (x: tf.Tensor, constants: readonly tf.Tensor[]) => tf.Tensor;
/** Shape of x, the function, and shapes of further operands. */
type Case = readonly [shape: readonly number[], apply: Function, constants?: readonly (readonly number[])[]];

const image = (x: tf.Tensor): tf.Tensor4D => x as tf.Tensor4D;
const resize = (method: 'resizeBilinear' | 'resizeNearestNeighbor', ...options: boolean[]): Case => [
  [2, 4, 5, 3],
  (x) => tf.image[method](image(x), [9, 7], ...options),
];

const CASES: Readonly<Record<string, Case>> = {
  resizeBilinear: resize('resizeBilinear'),
  'resizeBilinear, corners aligned': resize('resizeBilinear', true),
  'resizeBilinear, half pixel centers': resize('resizeBilinear', false, true),
  resizeNearestNeighbor: resize('resizeNearestNeighbor'),
  'maxPool, windows overlap': [[2, 7, 6, 3], (x) => tf.maxPool(image(x), 3, 2, 'same')],
  'maxPool, windows side by side': [[2, 6, 6, 3], (x) => tf.maxPool(image(x), 2, 2, 'valid')],
  avgPool: [[2, 7, 6, 3], (x) => tf.avgPool(image(x), 3, 2, 'same')],
  // WebAssembly takes the largest of negative values for 0.
  maxPool3d: [[1, 4, 5, 4, 2], (x) => tf.maxPool3d(tf.add(x, 1) as tf.Tensor5D, 2, 2, 'same')],
  conv3d: [
    [1, 4, 4, 4, 2],
    (x, [w]) => tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, 1, 'same'),
    [[2, 2, 2, 2, 3]],
  ],
  depthwiseConv2d: [
    [2, 6, 7, 3],
    (x, [w]) => tf.depthwiseConv2d(image(x), image(w), 2, 'same'),
    [[3, 3, 3, 2]],
  ],
  'depthwiseConv2d, one filter a channel': [
    [2, 6, 7, 3],
    (x, [w]) => tf.depthwiseConv2d(image(x), image(w), 2, 'valid'),
    [[3, 2, 3, 1]],
  ],
  'depthwiseConv2d, dilated': [
    [1, 7, 7, 2],
    (x, [w]) => tf.depthwiseConv2d(image(x), image(w), 1, 'same', 'NHWC', 2),
    [[3, 3, 2, 1]],
  ],
  'fused conv2d': [
    [2, 6, 6, 2],
    (x, [w, b]) => tf.fused.conv2d({ x: image(x), filter: image(w), strides: 1, pad: 'same', bias: b }),
    [[3, 3, 2, 4], [4]],
  ],
  'conv2d with a filter that is computed': [
    [1, 3, 3, 2],
    (x, [input]) =>
      tf.fused.conv2d({
        x: image(input),
        filter: image(tf.reshape(x, [3, 3, 2, 1])),
        strides: 1,
        pad: 'same',
      }),
    [[1, 5, 5, 2]],
  ],
  cumsum: [[3, 4], (x) => tf.cumsum(x, 0)],
  'cumsum, exclusive and reverse': [[3, 4], (x) => tf.cumsum(x, 1, true, true)],
  prod: [[2, 3, 4], (x) => tf.prod(x, 1)],
  stridedSlice: [[5, 6], (x) => tf.stridedSlice(x, [4, 1], [-6, 6], [-2, 2])],
  'stridedSlice of a row': [[5, 6], (x) => tf.stridedSlice(x, [2, 1], [3, 6], [1, 2], 0, 0, 0, 0, 1)],
  'unstack, of one': [[1, 4], (x) => tf.unstack(x)[0]],
  'unstack, of which one is used': [[3, 4], (x) => tf.unstack(x)[1]],
  'split, of one': [[3, 4], (x) => tf.split(x, 1, 1)[0]],
  depthToSpace: [[1, 2, 3, 8], (x) => tf.depthToSpace(image(x), 2, 'NHWC')],
  gather: [[5, 3], (x) => tf.gather(x, tf.tensor1d([4, 0, 4], 'int32'))],
  gatherND: [
    [4, 3, 2],
    (x) =>
      tf.gatherND(
        x,
        tf.tensor2d(
          [
            [1, 2],
            [3, 0],
            [1, 2],
          ],
          [3, 2],
          'int32',
        ),
      ),
  ],
  scatterND: [[3, 2], (x) => tf.scatterND(tf.tensor2d([[1], [0], [3]], [3, 1], 'int32'), x, [4, 2])],
  tensorScatterUpdate: [
    [4, 2],
    (x, [updates]) => tf.tensorScatterUpdate(x, tf.tensor2d([[1], [3]], [2, 1], 'int32'), updates),
    [[2, 2]],
  ],
  topk: [[3, 6], (x) => tf.topk(x, 2).values],
  'einsum, a product': [[2, 3, 4], (x, [w]) => tf.einsum('abc,dc->abd', x, w), [[5, 4]]],
  'einsum, of attention': [[2, 3, 4], (x, [w]) => tf.einsum('bqd,bkd->bqk', x, w), [[2, 5, 4]]],
  'einsum, a sum': [[2, 3], (x) => tf.einsum('ab->a', x)],
  'a comparison': [[3, 4], (x) => tf.mul(x, tf.cast(tf.greater(x, 0), 'float32'))],
  'a choice': [[3, 4], (x) => tf.where(tf.logicalAnd(tf.less(x, 0.5), tf.greater(x, -0.5)), tf.square(x), x)],
};

function drawn(random: Random): Draw {
  return (...shape) =>
    tf.tensor(
      Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.uniform() - 0.5),
      shape,
    );
}

describe.each(['cpu', 'wasm'] as const)('on %s', (backend) => {
  beforeAll(async () => {
    await startTfjs(backend);
    await loadEveryKernel();
    registerMoreRules();
  });

  test.each(Object.entries(CASES))('%s', (name, [shape, apply, constantShapes = []]) => {
    tf.tidy(() => {
      const draw = drawn(randomStream(7, name));
      const x = draw(...shape);
      const constants = constantShapes.map((sizes) => draw(...sizes));
      // Some runtimes lack a kernel, on which a model does not load then.
      const evaluate = (value: tf.Tensor) =>
        withEveryKernel(
          () => true,
          () => apply(value, constants),
        );
      const upstream = draw(...evaluate(x).shape);
      const gradientOf = (): Float32Array => {
        // Results must not depend on what memory held before.
        tf.dispose(Array.from({ length: 20 }, () => tf.fill(shape as number[], 1e3)));
        let isNeeded = false;
        const { gradients, stops } = withEveryKernel(
          () => isNeeded,
          () =>
            differentiate(() => apply(x, constants), [x], upstream, {
              straightThrough: false,
              onForward: ({ needsFilterGradients }) => {
                isNeeded = needsFilterGradients;
              },
            }),
        );
        expect(stops).toEqual([]);
        return gradients[0]?.dataSync() as Float32Array;
      };
      const gradient = gradientOf();
      expect([...gradientOf()]).toEqual([...gradient]);
      const direction = draw(...shape);
      const seed = upstream.dataSync() as Float32Array;
      const valueAt = (step: number): number => {
        const values = evaluate(tf.add(x, tf.mul(direction, step))).dataSync() as Float32Array;
        return values.reduce((sum, value, i) => sum + value * seed[i], 0);
      };
      const along = (direction.dataSync() as Float32Array).reduce(
        (sum, value, i) => sum + value * gradient[i],
        0,
      );
      const differences = (valueAt(STEP) - valueAt(-STEP)) / (2 * STEP);
      expect(Math.abs(along - differences)).toBeLessThan(TOLERANCE * Math.max(0.3, Math.abs(differences)));
      expect(gradient.some((value) => value !== 0)).toBe(true);
    });
  });
});
