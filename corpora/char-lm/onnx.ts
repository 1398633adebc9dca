import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { EMBEDDED, HIDDEN, type Weights, weightShapes } from './network.ts';

/** ONNX has the gates of an LSTM in the order in, out, forget, cell, and Keras in, forget, cell, out. */
const GATES = [0, 3, 1, 2] as const;

/**
 * The network for one token: `token` int64 `[batch]` and the states `h1_in`, `c1_in`, `h2_in`, `c2_in`, `[1, batch, HIDDEN]`
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

/**
 * The same network for whole texts, without a state that is passed round: `tokens` int64 `[batch, length]` to `logits`
 * `[batch, length, tokens]`. What it costs to do without, the bench shows.
 */
export function toWholeOnnx(weights: Weights, tokens: number): Uint8Array {
  const graph = new OnnxBuilder();
  const ids = graph.input('tokens', 'int64', ['batch', 'length']);
  graph.constant('embedding', 'float32', [tokens, EMBEDDED], weights.embedding);
  const embedded = graph.node('Gather', ['embedding', ids], 'embedded');
  const axis = graph.constant('directions', 'int64', [1], BigInt64Array.of(1n));
  let values = graph.node('Transpose', [embedded], 'steps', { perm: [1, 0, 2] });
  for (const n of [1, 2] as const) {
    const own = lstmWeights(graph, n, n === 1 ? EMBEDDED : HIDDEN, weights);
    const all = graph.node('LSTM', [values, ...own], `all_${n}`, { hidden_size: HIDDEN });
    values = graph.node('Squeeze', [all, axis], `layer_${n}`);
  }
  graph.constant('logits_weights', 'float32', [HIDDEN, tokens], weights['logits/weights']);
  graph.constant('logits_bias', 'float32', [tokens], weights['logits/bias']);
  const last = graph.node('Transpose', [values], 'last', { perm: [1, 0, 2] });
  graph.node('Add', [graph.node('MatMul', [last, 'logits_weights'], 'product'), 'logits_bias'], 'logits');
  graph.output('logits', 'float32', ['batch', 'length', tokens]);
  return graph.finish('char-lm-whole');
}

/** A layer for one step; returns what it leaves, which is what it gives. */
function lstm(graph: OnnxBuilder, n: 1 | 2, values: string, inputs: number, weights: Weights): string {
  const own = lstmWeights(graph, n, inputs, weights);
  const h = graph.input(`h${n}_in`, 'float32', [1, 'batch', HIDDEN]);
  const c = graph.input(`c${n}_in`, 'float32', [1, 'batch', HIDDEN]);
  return graph.node('LSTM', [values, ...own, '', h, c], ['', `h${n}_out`, `c${n}_out`], {
    hidden_size: HIDDEN,
  });
}

/** Puts the weights of a layer in; returns their names in the order in which an LSTM takes them. */
function lstmWeights(graph: OnnxBuilder, n: 1 | 2, inputs: number, weights: Weights): string[] {
  const kernel = transposed(weights[`lstm_${n}/kernel`], inputs);
  const recurrent = transposed(weights[`lstm_${n}/recurrent`], HIDDEN);
  const bias = new Float32Array(8 * HIDDEN);
  GATES.forEach((from, gate) => {
    bias.set(weights[`lstm_${n}/bias`].subarray(from * HIDDEN, (from + 1) * HIDDEN), gate * HIDDEN);
  });
  return [
    graph.constant(`lstm_${n}_w`, 'float32', [1, 4 * HIDDEN, inputs], kernel),
    graph.constant(`lstm_${n}_r`, 'float32', [1, 4 * HIDDEN, HIDDEN], recurrent),
    graph.constant(`lstm_${n}_b`, 'float32', [1, 8 * HIDDEN], bias),
  ];
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

/** The weights of a network that `toOnnx` wrote, read back from its file's constants. */
export function fromOnnx(constant: (name: string) => Tensor | undefined, tokens: number): Weights {
  const read = (name: string): Float32Array => {
    const tensor = constant(name);
    if (tensor === undefined) throw new Error(`the model has no weights ${name}`);
    return tensor.data as Float32Array;
  };
  const untransposed = (data: Float32Array, inputs: number): Float32Array => {
    const out = new Float32Array(data.length);
    GATES.forEach((to, gate) => {
      for (let unit = 0; unit < HIDDEN; unit++)
        for (let input = 0; input < inputs; input++)
          out[input * 4 * HIDDEN + to * HIDDEN + unit] = data[(gate * HIDDEN + unit) * inputs + input];
    });
    return out;
  };
  const biasOf = (data: Float32Array): Float32Array => {
    const out = new Float32Array(4 * HIDDEN);
    GATES.forEach((to, gate) => {
      out.set(data.subarray(gate * HIDDEN, (gate + 1) * HIDDEN), to * HIDDEN);
    });
    return out;
  };
  const weights = Object.fromEntries(
    ([1, 2] as const).flatMap((n) => [
      [`lstm_${n}/kernel`, untransposed(read(`lstm_${n}_w`), n === 1 ? EMBEDDED : HIDDEN)],
      [`lstm_${n}/recurrent`, untransposed(read(`lstm_${n}_r`), HIDDEN)],
      [`lstm_${n}/bias`, biasOf(read(`lstm_${n}_b`))],
    ]),
  );
  const all = {
    ...weights,
    embedding: read('embedding'),
    'logits/weights': read('logits_weights'),
    'logits/bias': read('logits_bias'),
  } as Weights;
  for (const { name, shape } of weightShapes(tokens)) {
    const size = shape.reduce((product: number, side) => product * side, 1);
    if (all[name].length !== size)
      throw new Error(`weights ${name} are ${all[name].length} numbers, not ${size}`);
  }
  return all;
}
