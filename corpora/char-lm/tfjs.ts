import { attr, TfjsBuilder, type TfjsFilesContent } from '../../src/model/formats/tfjs/builder.ts';
import { EMBEDDED, HIDDEN, type Weights } from './network.ts';

/**
 * The same network as `toOnnx` writes, as a TensorFlow.js graph model: `token` int32 `[batch, 1]`, states
 * `[batch, 128]`.
 */
export function toTfjs(weights: Weights, tokens: number): TfjsFilesContent {
  const graph = new TfjsBuilder();
  const token = graph.input('token', 'int32', [-1, 1]);
  const flat = graph.constant('flat', 'int32', [1], Int32Array.of(-1));
  const ids = graph.node('Reshape', [token, flat], 'ids', { T: attr.type('int32') });
  const embedding = graph.constant('embedding', 'float32', [tokens, EMBEDDED], weights.embedding);
  const rows = graph.constant('rows', 'int32', [], Int32Array.of(0));
  const types = { Tparams: attr.type('float32'), Tindices: attr.type('int32'), Taxis: attr.type('int32') };
  let values = graph.node('GatherV2', [embedding, ids, rows], 'embedded', types);
  for (const n of [1, 2] as const) values = lstm(graph, n, values, n === 1 ? EMBEDDED : HIDDEN, weights);
  const last = graph.constant('logits/weights', 'float32', [HIDDEN, tokens], weights['logits/weights']);
  const bias = graph.constant('logits/bias', 'float32', [tokens], weights['logits/bias']);
  graph.node('AddV2', [graph.node('MatMul', [values, last], 'product', STRAIGHT), bias], 'logits');
  graph.output('logits', 'float32', [-1, tokens]);
  for (const name of ['h1', 'c1', 'h2', 'c2']) graph.output(`${name}_out`, 'float32', [-1, HIDDEN]);
  return graph.finish();
}

const STRAIGHT = { transpose_a: attr.bool(false), transpose_b: attr.bool(false) };

/** A layer for one step, in plain operations: input and state go through one matrix together. */
function lstm(graph: TfjsBuilder, n: 1 | 2, values: string, inputs: number, weights: Weights): string {
  const own = (name: string): string => `lstm_${n}/${name}`;
  const h = graph.input(`h${n}_in`, 'float32', [-1, HIDDEN]);
  const c = graph.input(`c${n}_in`, 'float32', [-1, HIDDEN]);
  const both = new Float32Array((inputs + HIDDEN) * 4 * HIDDEN);
  both.set(weights[`lstm_${n}/kernel`]);
  both.set(weights[`lstm_${n}/recurrent`], inputs * 4 * HIDDEN);
  const matrix = graph.constant(own('weights'), 'float32', [inputs + HIDDEN, 4 * HIDDEN], both);
  const bias = graph.constant(own('bias'), 'float32', [4 * HIDDEN], weights[`lstm_${n}/bias`]);
  const columns = graph.constant(own('columns'), 'int32', [], Int32Array.of(1));
  const joined = graph.node('ConcatV2', [values, h, columns], own('joined'), {
    N: attr.int(2),
    Tidx: attr.type('int32'),
  });
  const sum = graph.node(
    'AddV2',
    [graph.node('MatMul', [joined, matrix], own('product'), STRAIGHT), bias],
    own('sum'),
  );
  const gate = (place: number, op: 'Sigmoid' | 'Tanh', name: string): string => {
    const begin = graph.constant(own(`${name}/begin`), 'int32', [2], Int32Array.of(0, place * HIDDEN));
    const size = graph.constant(own(`${name}/size`), 'int32', [2], Int32Array.of(-1, HIDDEN));
    const part = graph.node('Slice', [sum, begin, size], own(`${name}/part`), { Index: attr.type('int32') });
    return graph.node(op, [part], own(name));
  };
  const [into, forget, cell, out] = [
    gate(0, 'Sigmoid', 'in'),
    gate(1, 'Sigmoid', 'forget'),
    gate(2, 'Tanh', 'cell'),
    gate(3, 'Sigmoid', 'out'),
  ];
  const kept = graph.node('Mul', [forget, c], own('kept'));
  const added = graph.node('Mul', [into, cell], own('added'));
  const next = graph.node('AddV2', [kept, added], `c${n}_out`);
  return graph.node('Mul', [out, graph.node('Tanh', [next], own('bounded'))], `h${n}_out`);
}
