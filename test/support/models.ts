import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNpz } from '../../src/inputs/npz.ts';
import { OnnxBuilder } from '../../src/models/graph/onnx-builder.ts';
import { attr, TfjsBuilder } from '../../src/models/graph/tfjs-builder.ts';

/** Weights of the small network: logits = x·W, softmax(logits); x has four values, W is 4×3. */
export const WEIGHTS = Float32Array.of(1, -1, 0.5, 0.25, 2, -0.5, -1, 0.5, 1, 0.5, -0.25, 0.75);

/** Writes the small softmax network as ONNX; returns its path. */
export function writeSoftmaxOnnx(folder: string, name = 'softmax.onnx'): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  const w = graph.constant('w', 'float32', [4, 3], WEIGHTS);
  graph.node('MatMul', [x, w], 'logits');
  graph.node('Softmax', ['logits'], 'probabilities', { axis: 1 });
  graph.output('probabilities', 'float32', ['batch', 3]);
  const path = join(folder, name);
  writeFileSync(path, graph.finish('softmax'));
  return path;
}

/** Writes the small softmax network as a TensorFlow.js graph model; returns the path of its model.json. */
export function writeSoftmaxTfjs(folder: string, name = 'softmax-tfjs'): string {
  const graph = new TfjsBuilder();
  const x = graph.input('x', 'float32', [-1, 4]);
  const w = graph.constant('w', 'float32', [4, 3], WEIGHTS);
  graph.node('MatMul', [x, w], 'logits', { transpose_a: attr.bool(false), transpose_b: attr.bool(false) });
  graph.node('Softmax', ['logits'], 'probabilities');
  graph.output('probabilities', 'float32', [-1, 3]);
  const { json, weightFile, weights } = graph.finish();
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, 'model.json'), json);
  writeFileSync(join(folder, name, weightFile), weights);
  return join(folder, name, 'model.json');
}

/** Writes log(x) for four values, NaN where x is below zero and −inf at zero; returns the path. */
export function writeLogOnnx(folder: string, name = 'log.onnx'): string {
  const graph = new OnnxBuilder();
  graph.node('Log', [graph.input('x', 'float32', ['batch', 4])], 'y');
  graph.output('y', 'float32', ['batch', 4]);
  const path = join(folder, name);
  writeFileSync(path, graph.finish('log'));
  return path;
}

/** Writes seeds for an input x of four values: as many rows as given. */
export function writeSeeds(folder: string, rows: readonly (readonly number[])[], name = 'seeds.npz'): string {
  const path = join(folder, name);
  const data = Float32Array.from(rows.flat());
  writeFileSync(path, encodeNpz([['x', { type: 'float32', shape: [rows.length, rows[0].length], data }]]));
  return path;
}
