import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawNormal, randomStream } from '../../src/core/random.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';

/** What probabilities are clipped to, so that their logarithm is finite. */
const LEAST = 1e-6;

const SEEDS = 32;

const out = dirname(fileURLToPath(import.meta.url)).replace(join('dist', 'corpora'), 'corpora');

/** Begins a graph of a logit and a label; returns the names of both and of the label as a number. */
function begin() {
  const graph = new OnnxBuilder();
  const logit = graph.input('logit', 'float32', ['batch', 1]);
  const label = graph.node('Cast', [graph.input('label', 'bool', ['batch', 1])], 'target', { to: 1 });
  const number = (name: string, value: number): string =>
    graph.constant(name, 'float32', [], Float32Array.of(value));
  return { graph, logit, label, number };
}

/**
 * Cross-entropy of a sigmoid, and its derivative as automatic differentiation gives it. The probability is clipped
 * before the logarithm, and where the clip is at work no gradient comes through.
 */
function broken(): Uint8Array {
  const { graph, logit, label, number } = begin();
  const [one, least, most] = [number('one', 1), number('least', LEAST), number('most', 1 - LEAST)];
  const probability = graph.node('Sigmoid', [logit], 'probability');
  const clipped = graph.node('Clip', [probability, least, most], 'clipped');
  const rest = graph.node('Sub', [one, clipped], 'rest');
  const notLabel = graph.node('Sub', [one, label], 'not_target');
  const hit = graph.node('Mul', [label, graph.node('Log', [clipped], 'log_p')], 'hit');
  const miss = graph.node('Mul', [notLabel, graph.node('Log', [rest], 'log_rest')], 'miss');
  graph.node('Neg', [graph.node('Add', [hit, miss], 'likelihood')], 'loss');

  const off = graph.node('Sub', [clipped, label], 'off');
  const spread = graph.node('Mul', [clipped, rest], 'spread');
  const byClipped = graph.node('Div', [off, spread], 'by_clipped');
  const within = graph.node(
    'And',
    [graph.node('Greater', [probability, least], 'above'), graph.node('Less', [probability, most], 'below')],
    'within',
  );
  const passed = graph.node('Mul', [byClipped, graph.node('Cast', [within], 'mask', { to: 1 })], 'passed');
  const slope = graph.node('Mul', [probability, graph.node('Sub', [one, probability], 'other')], 'slope');
  graph.node('Mul', [passed, slope], 'gradient');
  return finish(graph, 'broken-loss');
}

/** The same from the logit itself: nothing has to be clipped. */
function repaired(): Uint8Array {
  const { graph, logit, label, number } = begin();
  const one = number('one', 1);
  const positive = graph.node('Relu', [logit], 'positive');
  const product = graph.node('Mul', [logit, label], 'product');
  const size = graph.node('Neg', [graph.node('Abs', [logit], 'size')], 'minus_size');
  const tail = graph.node(
    'Log',
    [graph.node('Add', [one, graph.node('Exp', [size], 'shrunk')], 'sum')],
    'tail',
  );
  graph.node('Add', [graph.node('Sub', [positive, product], 'straight'), tail], 'loss');
  graph.node('Sub', [graph.node('Sigmoid', [logit], 'probability'), label], 'gradient');
  return finish(graph, 'repaired-loss');
}

function finish(graph: OnnxBuilder, name: string): Uint8Array {
  graph.output('loss', 'float32', ['batch', 1]);
  graph.output('gradient', 'float32', ['batch', 1]);
  return graph.finish(name);
}

await writeFile(join(out, 'broken.onnx'), broken());
await writeFile(join(out, 'repaired.onnx'), repaired());
const random = randomStream('broken-loss', 'seeds');
await writeFile(
  join(out, 'seeds.npz'),
  encodeNpz([
    [
      'logit',
      {
        type: 'float32',
        shape: [SEEDS, 1],
        data: Float32Array.from({ length: SEEDS }, () => 2 * drawNormal(random)),
      },
    ],
    [
      'label',
      { type: 'bool', shape: [SEEDS, 1], data: Uint8Array.from({ length: SEEDS }, () => random.below(2)) },
    ],
  ]),
);
