import { OnnxBuilder } from '../../src/models/graph/onnx-builder.ts';
import { EMBEDDED, HIDDEN, type Weights } from './network.ts';

/** ONNX has the gates of an LSTM in the order in, out, forget, cell, and Keras in, forget, cell, out. */
const GATES = [0, 3, 1, 2] as const;

/**
 * The network for one token: `token` int64 `[batch]` and the states `h1_in`, `c1_in`, `h2_in`, `c2_in`, `[1, batch, 128]`
 * each, to `logits` `[batch, tokens]` and the states after it.
 */
export function toOnnx(weights: Weights, tokens: number): Uint8Array {
  const graph = new OnnxBuilder();
  const token = graph.input('token', 'int64', ['batch']);
  graph.constant('embedding', 'float32', [tokens, EMBEDDED], weights.embedding);
  const axis = graph.constant('first_axis', 'int64', [1], BigInt64Array.of(0n));
  const embedded = graph.node(
    'Unsqueeze',
    [graph.node('Gather', ['embedding', token], 'embedded'), axis],
    'step',
  );
  const first = lstm(graph, 1, embedded, EMBEDDED, weights);
  const second = lstm(graph, 2, first, HIDDEN, weights);
  graph.constant('logits_weights', 'float32', [HIDDEN, tokens], weights['logits/weights']);
  graph.constant('logits_bias', 'float32', [tokens], weights['logits/bias']);
  const last = graph.node('Squeeze', [second, axis], 'last');
  graph.node('Gemm', [last, 'logits_weights', 'logits_bias'], 'logits');
  graph.output('logits', 'float32', ['batch', tokens]);
  for (const name of ['h1', 'c1', 'h2', 'c2']) graph.output(`${name}_out`, 'float32', [1, 'batch', HIDDEN]);
  return graph.finish('char-lm');
}

/** A layer for one step; returns what it leaves, which is what it gives. */
function lstm(graph: OnnxBuilder, n: 1 | 2, values: string, inputs: number, weights: Weights): string {
  const kernel = transposed(weights[`lstm_${n}/kernel`], inputs);
  const recurrent = transposed(weights[`lstm_${n}/recurrent`], HIDDEN);
  const bias = new Float32Array(8 * HIDDEN);
  GATES.forEach((from, gate) => {
    bias.set(weights[`lstm_${n}/bias`].subarray(from * HIDDEN, (from + 1) * HIDDEN), gate * HIDDEN);
  });
  graph.constant(`lstm_${n}_w`, 'float32', [1, 4 * HIDDEN, inputs], kernel);
  graph.constant(`lstm_${n}_r`, 'float32', [1, 4 * HIDDEN, HIDDEN], recurrent);
  graph.constant(`lstm_${n}_b`, 'float32', [1, 8 * HIDDEN], bias);
  const h = graph.input(`h${n}_in`, 'float32', [1, 'batch', HIDDEN]);
  const c = graph.input(`c${n}_in`, 'float32', [1, 'batch', HIDDEN]);
  return graph.node(
    'LSTM',
    [values, `lstm_${n}_w`, `lstm_${n}_r`, `lstm_${n}_b`, '', h, c],
    ['', `h${n}_out`, `c${n}_out`],
    { hidden_size: HIDDEN },
  );
}

/** `[inputs, 4 · HIDDEN]` as `[4 · HIDDEN, inputs]`, gates as ONNX orders them. */
function transposed(weights: Float32Array, inputs: number): Float32Array {
  const out = new Float32Array(weights.length);
  GATES.forEach((from, gate) => {
    for (let unit = 0; unit < HIDDEN; unit++)
      for (let input = 0; input < inputs; input++)
        out[(gate * HIDDEN + unit) * inputs + input] = weights[input * 4 * HIDDEN + from * HIDDEN + unit];
  });
  return out;
}
