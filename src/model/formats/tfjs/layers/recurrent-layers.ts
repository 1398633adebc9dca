import * as tf from '@tensorflow/tfjs-core';
import type { DeclaredShape } from '../../../graph/graph.ts';
import type { Layer } from './layer-call.ts';
import type { InnerTensor, LayerExpander, LayerNodes } from './layer-nodes.ts';
import { settingsOf } from './layer-nodes.ts';

const RECURRENT_SETTINGS = ['units', 'activation', 'recurrentActivation'] as const;

/** Recurrent layers whose weights the graph shows. */
const RECURRENT_OPS: ReadonlySet<string> = new Set(['SimpleRNN', 'LSTM', 'GRU']);

/** A recurrent layer is one operation over all steps. */
export const expandRecurrent: LayerExpander = (nodes, layer) => {
  addRecurrent(nodes, layer, layer.getClassName(), nodes.call.inputs.slice(1));
};

function addRecurrent(
  nodes: LayerNodes,
  layer: Layer,
  op: string,
  states: readonly string[],
  compute?: InnerTensor,
  shape?: DeclaredShape,
): string {
  const weights = ['kernel', 'recurrent_kernel', 'bias'].map((name) => nodes.weight(layer, name) ?? '');
  return nodes.add(
    op,
    [nodes.input, ...weights, ...states],
    settingsOf(layer, RECURRENT_SETTINGS),
    compute,
    shape,
  );
}

interface BidirectionalLayer {
  readonly forwardLayer: Layer;
  readonly backwardLayer: Layer;
  readonly returnSequences: boolean;
}

const MERGE_OPS: Readonly<Record<string, string>> = { concat: 'Concat', sum: 'Add', ave: 'Mean', mul: 'Mul' };

/** A layer that reads the sequence in both directions, and what merges the results. */
export const expandBidirectional: LayerExpander = (nodes, layer) => {
  const { forwardLayer, backwardLayer, returnSequences } = layer as unknown as BidirectionalLayer;
  const mergeOp = MERGE_OPS[String(layer.getConfig().mergeMode)];
  const states = nodes.call.inputs.slice(1);
  const half = states.length / 2;
  const [result] = nodes.call.outputShapes;
  // Several results, or states from elsewhere, are not worth an analysis.
  if (
    mergeOp === undefined ||
    !RECURRENT_OPS.has(forwardLayer.getClassName()) ||
    nodes.call.outputs.length > 1
  ) {
    nodes.add('Bidirectional', nodes.call.inputs);
    return;
  }
  const directions = [forwardLayer, backwardLayer].map((direction, i) => {
    const compute: InnerTensor = ([input], kwargs = {}) => {
      const output = first(direction.call(input, { ...kwargs }));
      return i === 1 && returnSequences ? tf.reverse(output, 1) : output;
    };
    const initialStates = states.slice(i * half, (i + 1) * half);
    return addRecurrent(
      nodes,
      direction,
      direction.getClassName(),
      initialStates,
      states.length === 0 ? compute : undefined,
      [...result.slice(0, -1), mergeOp === 'Concat' ? Number(result.at(-1)) / 2 : result[result.length - 1]],
    );
  });
  nodes.add(mergeOp, directions, mergeOp === 'Concat' ? { axis: -1 } : {});
};

function first(result: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(result) ? result[0] : result;
}
