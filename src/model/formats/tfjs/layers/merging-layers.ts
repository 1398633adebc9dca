import * as tf from '@tensorflow/tfjs-core';
import { type LayerExpander, settingsOf } from './layer-nodes.ts';

/** A layer that is one operation over all its inputs. */
export const expandMerge =
  (op: string): LayerExpander =>
  (nodes, layer) => {
    nodes.add(op, nodes.call.inputs, op === 'Concat' ? settingsOf(layer, ['axis']) : {});
  };

/** Smallest squared norm that a Dot layer divides by (backend/common.ts, epsilon). */
const SMALLEST_SQUARED_NORM = 1e-7;

/** A product of two inputs along an axis of each, which may be normalized along it before. */
export const expandDot: LayerExpander = (nodes, layer) => {
  const { axes, normalize } = layer.getConfig();
  const factors = nodes.call.inputs.map((input, i) => {
    if (normalize !== true) return input;
    const rank = nodes.call.inputShapes[i].length;
    const axis = Number(Array.isArray(axes) ? axes[i] : axes);
    return nodes.add(
      'L2Normalize',
      [input],
      { axis, epsilon: SMALLEST_SQUARED_NORM },
      (inputs) => normalized(inputs[i], axis < 0 ? axis + rank : axis),
      nodes.call.inputShapes[i],
    );
  });
  nodes.add('MatMul', factors);
};

function normalized(x: tf.Tensor, axis: number): tf.Tensor {
  const squares = tf.sum(tf.square(tf.cast(x, 'float32')), axis, true);
  return tf.div(x, tf.sqrt(tf.maximum(squares, tf.fill(squares.shape, SMALLEST_SQUARED_NORM))));
}
