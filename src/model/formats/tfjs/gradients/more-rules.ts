import * as tf from '@tensorflow/tfjs-core';
import { CONVOLUTION_RULES } from './convolution-rules.ts';
import { POOLING_RULES } from './pooling-rules.ts';

/** The gradient of each operand by its name; a list where the operands are one. */
type OperandGradients = Readonly<Record<string, () => tf.Tensor>>;

/** Positions up to which single precision has every integer. */
const MAX_POSITIONS = 2 ** 24;

/** Gradients of kernels for which TensorFlow.js 4.22 has none, or a wrong one. Those of indices are 0. */
const MORE_RULES: readonly tf.GradConfig[] = [
  ...CONVOLUTION_RULES,
  ...POOLING_RULES,
  ruleOf('StridedSlice', ['x'], (dy, inputs, attrs) => movedBack('StridedSlice', 'x', dy, inputs, attrs)),
  ruleOf('DepthToSpace', ['x'], (dy, inputs, attrs) => movedBack('DepthToSpace', 'x', dy, inputs, attrs)),
  // Those of TensorFlow.js need methods of tensors that only its largest package adds, or fail for some shapes.
  ruleOf('GatherV2', ['x', 'indices'], (dy, inputs, attrs) => ({
    ...movedBack('GatherV2', 'x', dy, inputs, attrs),
    indices: () => tf.zeros(inputs.indices.shape),
  })),
  ruleOf('Prod', ['x'], (dy, { x }, { axis }) => ({
    x: () => productGradient(dy, x, [axis as number | number[]].flat()),
  })),
  ruleOf('Cumsum', ['x'], (dy, _, { axis, exclusive, reverse }) => ({
    x: () => tf.cumsum(dy, Number(axis), Boolean(exclusive), reverse !== true),
  })),
  ...['ResizeBilinear', 'ResizeNearestNeighbor'].map((kernel) =>
    ruleOf(kernel, ['images'], (dy, { images }, attrs) => ({
      images: () => resizedBack(kernel, dy as tf.Tensor4D, images as tf.Tensor4D, attrs),
    })),
  ),
  // A single result comes without a list.
  {
    kernelName: 'Unpack',
    gradFunc: (dys, _, { axis }) => ({ value: () => tf.stack([dys].flat(), Number(axis)) }),
  },
  {
    kernelName: 'SplitV',
    gradFunc: (dys, _, { axis }) => ({ x: () => tf.concat([dys].flat(), Number(axis)) }),
  },
  ruleOf('GatherNd', ['params', 'indices'], (dy, inputs, attrs) => ({
    ...movedBack('GatherNd', 'params', dy, inputs, attrs),
    indices: () => tf.zeros(inputs.indices.shape),
  })),
  ruleOf('ScatterNd', ['indices', 'updates'], (dy, { indices }) => ({
    indices: () => tf.zeros(indices.shape),
    updates: () => tf.gatherND(dy, indices),
  })),
  ruleOf('TensorScatterUpdate', ['tensor', 'indices', 'updates'], (dy, { indices, updates }) => ({
    tensor: () => tf.tensorScatterUpdate(dy, indices as tf.Tensor2D, tf.zerosLike(updates)),
    indices: () => tf.zeros(indices.shape),
    updates: () => tf.gatherND(dy, indices),
  })),
  ruleOf('UnsortedSegmentSum', ['segmentIds'], (dy, { segmentIds }) => ({
    x: () => tf.gather(dy, tf.cast(segmentIds, 'int32')),
    segmentIds: () => tf.zeros(segmentIds.shape),
  })),
  {
    kernelName: 'TopK',
    inputsToSave: ['x'],
    outputsToSave: [false, true],
    gradFunc: (dys, [x, indices]) => ({
      x: () => {
        const { shape, size } = x;
        const last = shape[shape.length - 1];
        const [values] = dys as tf.Tensor[];
        const firsts = tf.range(0, size, last, 'int32');
        const positions = tf.add(tf.reshape(indices, [size / last, -1]), tf.expandDims(firsts, 1));
        return summedAt(values, positions, shape);
      },
    }),
  },
  {
    kernelName: 'Einsum',
    saveAllInputs: true,
    gradFunc: (dy, saved, { equation }) => {
      const gradients = saved.map(
        (_, i) => () => einsumGradient(String(equation), dy as tf.Tensor, saved, i),
      );
      // Operands are numbered.
      return gradients as unknown as OperandGradients;
    },
  },
];

/** Registers the gradients, for all of the process. */
export function registerMoreRules(): void {
  for (const config of MORE_RULES)
    if (tf.getGradient(config.kernelName) !== config) tf.registerGradient(config);
}

/** The gradient of a kernel of one result, from its operands by their names. */
function ruleOf(
  kernelName: string,
  operands: readonly string[],
  rule: (upstream: tf.Tensor, inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap) => OperandGradients,
): tf.GradConfig {
  return {
    kernelName,
    inputsToSave: [...operands],
    gradFunc: (dy, saved, attrs) => {
      const inputs = Object.fromEntries(operands.map((name, i) => [name, saved[i]]));
      return rule(dy as tf.Tensor, inputs, attrs);
    },
  };
}

/** The gradient of a kernel that moves values: run on positions, the kernel itself tells where each value comes from. */
function movedBack(
  kernel: string,
  operand: string,
  upstream: tf.Tensor,
  inputs: tf.NamedTensorMap,
  attrs: tf.NamedAttrMap,
): OperandGradients {
  return {
    [operand]: () => {
      const { shape, size } = inputs[operand];
      // Kernels of WebAssembly take integers for floats.
      const positions = tf.reshape(tf.range(0, size, 1, 'float32'), shape);
      if (size > MAX_POSITIONS) throw new Error(`${kernel} of ${size} values has no gradient`);
      const from: tf.Tensor = tf.engine().runKernel(kernel, { ...inputs, [operand]: positions }, attrs);
      return summedAt(upstream, from, shape);
    },
  };
}

/**
 * A tensor of a shape in which each value is added at its position, counted in the tensor as a list. TensorFlow.js compares all positions
 * with each (unsortedSegmentSum).
 */
function summedAt(values: tf.Tensor, positions: tf.Tensor, shape: readonly number[]): tf.Tensor {
  const sums = new Float32Array(shape.reduce((product, length) => product * length, 1));
  const added = values.dataSync();
  positions.dataSync().forEach((position, i) => {
    sums[position] += added[i];
  });
  return tf.tensor(sums, [...shape], 'float32');
}

/** The gradient of an operand of Σ: the same sum with the operand and the result exchanged. */
function einsumGradient(
  equation: string,
  upstream: tf.Tensor,
  operands: readonly tf.Tensor[],
  index: number,
): tf.Tensor {
  const [left, result] = equation.replaceAll(' ', '').split('->');
  const labels = left.split(',');
  const others = labels.flatMap((text, i) => (i === index ? [] : [{ text, tensor: operands[i] }]));
  const known = new Set([...result, ...others.flatMap(({ text }) => [...text])]);
  const wanted = [...labels[index]].filter((label) => known.has(label)).join('');
  const terms = [result, ...others.map(({ text }) => text)];
  const gradient = tf.einsum(`${terms.join()}->${wanted}`, upstream, ...others.map(({ tensor }) => tensor));
  // Over an axis that neither the result nor another operand has, all values are the same.
  const { shape } = operands[index];
  const spread = [...labels[index]].map((label, axis) => (known.has(label) ? shape[axis] : 1));
  return tf.broadcastTo(tf.reshape(gradient, spread), shape);
}

/**
 * Resizing is linear, on one axis after the other: what it does to the identity matrix is the matrix of an axis.
 *
 * @param upstream `[batch, newHeight, newWidth, channels]`
 */
function resizedBack(
  kernel: string,
  upstream: tf.Tensor4D,
  { shape: [batch, height, width, channels] }: tf.Tensor4D,
  attrs: tf.NamedAttrMap,
): tf.Tensor {
  const [, newHeight, newWidth] = upstream.shape;
  // The other axis keeps its size, and its values.
  const matrix = (size: number, newSize: number): tf.Tensor => {
    const images = tf.reshape(tf.eye(size), [1, size, size, 1]);
    const resized: tf.Tensor = tf.engine().runKernel(kernel, { images }, { ...attrs, size: [newSize, size] });
    return tf.reshape(resized, [newSize, size]);
  };
  const rows = tf.matMul(
    matrix(height, newHeight),
    tf.reshape(upstream, [batch, newHeight, newWidth * channels]),
    true,
  );
  const both = tf.matMul(
    matrix(width, newWidth),
    tf.reshape(rows, [batch * height, newWidth, channels]),
    true,
  );
  return tf.reshape(both, [batch, height, width, channels]);
}

/** The upstream gradient times the product of the other values, which are not divided out: they may be 0. */
function productGradient(upstream: tf.Tensor, x: tf.Tensor, axes: readonly number[]): tf.Tensor {
  const reduced = x.shape.map((_, axis) => axis).filter((axis) => axes.includes(axis));
  const order = [...x.shape.keys()].filter((axis) => !reduced.includes(axis)).concat(reduced);
  const moved = tf.transpose(x, order);
  const count = reduced.reduce((product, axis) => product * x.shape[axis], 1);
  const list = tf.reshape(moved, [-1, count]);
  const others = tf.mul(tf.cumprod(list, 1, true, false), tf.cumprod(list, 1, true, true));
  const gradient = tf.mul(tf.reshape(upstream, [-1, 1]), others);
  return tf.transpose(
    tf.reshape(gradient, moved.shape),
    order.map((_, axis) => order.indexOf(axis)),
  );
}
