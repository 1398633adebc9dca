import * as tf from '@tensorflow/tfjs-core';

/** Pooling of two or three axes, in the form of three. */
type PoolInfo = ReturnType<typeof tf.backend_util.computePool3DInfo>;

type PoolSettings = Readonly<{
  filterSize: number | [number, number, number];
  strides: number | [number, number, number];
  pad: 'same' | 'valid' | number;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}>;

/**
 * Gradients of pooling, computed in plain JavaScript: those of TensorFlow.js 4.22 are wrong where a window of an average reaches over
 * the border, and on WebAssembly.
 */
export const POOLING_RULES: readonly tf.GradConfig[] = ['MaxPool', 'AvgPool', 'MaxPool3D', 'AvgPool3D'].map(
  (kernelName) => ({
    kernelName,
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attrs) => ({
      x: () => {
        const upstream = (dy as tf.Tensor).dataSync() as Float32Array;
        const values = x.dataSync() as Float32Array;
        const isMax = kernelName.startsWith('Max');
        const info = infoOf(x.shape, attrs as unknown as PoolSettings);
        return tf.tensor(pooledBack(values, upstream, info, isMax), x.shape, 'float32');
      },
    }),
  }),
);

function infoOf(
  shape: readonly number[],
  { filterSize, strides, pad, dimRoundingMode }: PoolSettings,
): PoolInfo {
  const inThree = (size: PoolSettings['filterSize']): [number, number, number] => {
    if (shape.length === 5) return typeof size === 'number' ? [size, size, size] : size;
    return typeof size === 'number' ? [1, size, size] : [1, size[0], size[1]];
  };
  const sizes = shape.length === 5 ? shape : [shape[0], 1, ...shape.slice(1)];
  return tf.backend_util.computePool3DInfo(
    sizes as [number, number, number, number, number],
    inThree(filterSize),
    inThree(strides),
    1,
    pad,
    dimRoundingMode,
  );
}

/** Gives the upstream gradient of a window to its largest value, the first of equal ones, or to all of its values in equal parts. */
function pooledBack(x: Float32Array, upstream: Float32Array, info: PoolInfo, isMax: boolean): Float32Array {
  const gradient = new Float32Array(x.length);
  const { batchSize, inDepth, inHeight, inWidth, outDepth, outHeight, outWidth } = info;
  const { inChannels: channels, strideDepth, strideHeight, strideWidth, padInfo } = info;
  let at = 0;
  for (let b = 0; b < batchSize; b++)
    for (let d = 0; d < outDepth; d++)
      for (let h = 0; h < outHeight; h++)
        for (let w = 0; w < outWidth; w++) {
          const [d0, d1] = windowOf(d * strideDepth - padInfo.front, info.filterDepth, inDepth);
          const [h0, h1] = windowOf(h * strideHeight - padInfo.top, info.filterHeight, inHeight);
          const [w0, w1] = windowOf(w * strideWidth - padInfo.left, info.filterWidth, inWidth);
          const count = (d1 - d0) * (h1 - h0) * (w1 - w0);
          for (let c = 0; c < channels; c++, at++) {
            let largest = -1;
            for (let i = d0; i < d1; i++)
              for (let j = h0; j < h1; j++)
                for (let k = w0; k < w1; k++) {
                  const index = (((b * inDepth + i) * inHeight + j) * inWidth + k) * channels + c;
                  if (!isMax) gradient[index] += upstream[at] / count;
                  else if (largest < 0 || x[index] > x[largest]) largest = index;
                }
            if (largest >= 0) gradient[largest] += upstream[at];
          }
        }
  return gradient;
}

/** The part of a window that lies within an axis. */
function windowOf(start: number, size: number, length: number): readonly [from: number, to: number] {
  return [Math.max(0, start), Math.min(length, start + size)];
}
