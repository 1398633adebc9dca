import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { attr, TfjsBuilder } from '../../src/model/formats/tfjs/builder.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';

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

/** Writes the small network with its logits as one output and the largest of them as another; returns its path. */
export function writeSureOnnx(folder: string, name = 'sure.onnx'): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  const w = graph.constant('w', 'float32', [4, 3], WEIGHTS);
  graph.node('MatMul', [x, w], 'logits');
  graph.node('ReduceMax', ['logits'], 'sure', { axes: [1], keepdims: 1 });
  graph.output('logits', 'float32', ['batch', 3]);
  graph.output('sure', 'float32', ['batch', 1]);
  const path = join(folder, name);
  writeFileSync(path, graph.finish('sure'));
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

/** x as it is where it is at most `limit`, else `beyond`; one number for the whole batch, the largest. */
function beyondLimit(graph: OnnxBuilder, x: string, limit: bigint, within: bigint, beyond: bigint): string {
  const constant = (name: string, value: bigint) =>
    graph.constant(name, 'int64', [1], BigInt64Array.of(value));
  graph.node('ReduceMax', [x], 'largest', { keepdims: 0 });
  graph.node('Reshape', ['largest', constant('one', 1n)], 'largest1');
  graph.node('Greater', ['largest1', constant('limit', limit)], 'is_beyond');
  return graph.node('Where', ['is_beyond', constant('beyond', beyond), constant('within', within)], 'n');
}

/** Writes y = 1 / x over int64: the runtime fails the run where a value is zero. */
export function writeDivisionOnnx(folder: string, name = 'division.onnx'): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'int64', ['batch', 4]);
  graph.node('Div', [graph.constant('one', 'int64', [1], BigInt64Array.of(1n)), x], 'quotient');
  graph.node('Cast', ['quotient'], 'y', { to: 1 });
  graph.output('y', 'float32', ['batch', 4]);
  return write(folder, name, graph);
}

/** Writes y = −2⁶³ / x over int64, which has no result where x is −1: the processor ends the process. */
export function writeOverflowOnnx(folder: string, name = 'overflow.onnx'): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'int64', ['batch', 4]);
  const least = graph.constant('least', 'int64', [1], BigInt64Array.of(-(2n ** 63n)));
  graph.node('Div', [least, x], 'quotient');
  graph.node('Cast', ['quotient'], 'y', { to: 1 });
  graph.output('y', 'float32', ['batch', 4]);
  return write(folder, name, graph);
}

/** Writes a Loop that runs `beyond` times, which hardly ends, where a value of x is above `limit`. */
export function writeLoopOnnx(
  folder: string,
  limit: number,
  name = 'loop.onnx',
  beyond = 10n ** 15n,
): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'int64', ['batch', 4]);
  const trips = beyondLimit(graph, x, BigInt(limit), 1n, beyond);
  const body = new OnnxBuilder();
  body.input('i', 'int64', []);
  body.input('go_on', 'bool', []);
  body.input('sum_in', 'int64', [1]);
  body.node('Identity', ['go_on'], 'go_on_out');
  body.node('Add', ['sum_in', 'i'], 'sum_out');
  body.output('go_on_out', 'bool', []);
  body.output('sum_out', 'int64', [1]);
  const always = graph.constant('always', 'bool', [], Uint8Array.of(1));
  const zero = graph.constant('zero', 'int64', [1], BigInt64Array.of(0n));
  graph.node('Loop', [trips, always, zero], 'sum', { body });
  graph.node('Add', [x, 'sum'], 'shifted');
  graph.node('Cast', ['shifted'], 'y', { to: 1 });
  graph.output('y', 'float32', ['batch', 4]);
  return write(folder, name, graph);
}

/** Writes a ConstantOfShape of `elements` float32 values where a value of x is above `limit`. */
export function writeAllocationOnnx(
  folder: string,
  limit: number,
  elements: bigint,
  name = 'allocation.onnx',
): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'int64', ['batch', 4]);
  const size = beyondLimit(graph, x, BigInt(limit), 1n, elements);
  graph.node('ConstantOfShape', [size], 'zeros');
  graph.node('ReduceSum', ['zeros'], 'sum', { keepdims: 0 });
  graph.node('Cast', [x], 'numbers', { to: 1 });
  graph.node('Add', ['numbers', 'sum'], 'y');
  graph.output('y', 'float32', ['batch', 4]);
  return write(folder, name, graph);
}

/**
 * Writes a score that rises with each of four features. Where it is planted, the last one lowers it above 0.7 more than it
 * raises it below.
 */
export function writeScoreOnnx(folder: string, isPlanted: boolean): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  const weights = graph.constant('weights', 'float32', [4, 1], Float32Array.of(1, 0.5, 0.25, 2));
  const last = graph.constant('last', 'float32', [4, 1], Float32Array.of(0, 0, 0, 1));
  const bend = graph.constant('bend', 'float32', [], Float32Array.of(0.7));
  const steep = graph.constant('steep', 'float32', [], Float32Array.of(isPlanted ? 3 : 1));
  graph.node('MatMul', [x, weights], 'straight');
  graph.node('Sub', [graph.node('MatMul', [x, last], 'income'), bend], 'above');
  graph.node('Mul', [graph.node('Relu', ['above'], 'excess'), steep], 'lost');
  graph.node('Sub', ['straight', 'lost'], 'score');
  graph.output('score', 'float32', ['batch', 1]);
  return write(folder, isPlanted ? 'falling.onnx' : 'rising.onnx', graph);
}

/** Writes the class of four values as the greatest of them. Where it is planted, the first one counts none above 0.95. */
export function writeGreatestOnnx(folder: string, isPlanted: boolean): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  const edge = graph.constant('edge', 'float32', [4], Float32Array.of(isPlanted ? 0.95 : 99, 99, 99, 99));
  const steep = graph.constant('steep', 'float32', [], Float32Array.of(50));
  graph.node('Relu', [graph.node('Sub', [x, edge], 'above')], 'excess');
  graph.node('Sub', [x, graph.node('Mul', ['excess', steep], 'lost')], 'logits');
  graph.output('logits', 'float32', ['batch', 4]);
  return write(folder, isPlanted ? 'forgetting.onnx' : 'greatest.onnx', graph);
}

/** Writes four logits: the values of x with a bias for each. */
export function writeBiasedOnnx(folder: string, bias: readonly number[]): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  graph.node('Add', [x, graph.constant('bias', 'float32', [4], Float32Array.from(bias))], 'logits');
  graph.output('logits', 'float32', ['batch', 4]);
  return write(folder, `biased-${bias.join('-')}.onnx`, graph);
}

/** Writes four logits: the values of x with Gaussian noise of a deviation, drawn anew in each run. */
export function writeNoisyOnnx(folder: string, deviation: number): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  const scale = graph.constant('scale', 'float32', [], Float32Array.of(deviation));
  const noise = graph.node('Mul', [graph.node('RandomNormalLike', [x], 'drawn'), scale], 'noise');
  graph.node('Add', [x, noise], 'logits');
  graph.output('logits', 'float32', ['batch', 4]);
  return write(folder, `noisy-${deviation}.onnx`, graph);
}

/** Writes one number for each row: its greatest value, raised by a number. */
export function writeMaximumOnnx(folder: string, raise = 0): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  const most = graph.node('ReduceMax', [x], 'most', { axes: [1], keepdims: 1 });
  graph.node('Add', [most, graph.constant('raise', 'float32', [1], Float32Array.of(raise))], 'greatest');
  graph.output('greatest', 'float32', ['batch', 1]);
  return write(folder, `maximum-${raise}.onnx`, graph);
}

/**
 * Writes two logits, x[0] and x[1], the second one raised by `weight` for how far x[2] lies below that of other rows of the
 * batch: alone a row is as if the weight were 0.
 */
export function writeCrowdOnnx(folder: string, weight: number): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  const own = graph.constant('own', 'float32', [4, 2], Float32Array.of(1, 0, 0, 1, 0, 0, 0, 0));
  const third = graph.constant('third', 'float32', [4, 1], Float32Array.of(0, 0, 1, 0));
  const raise = graph.constant('raise', 'float32', [2], Float32Array.of(0, weight));
  const height = graph.node('MatMul', [x, third], 'height');
  const most = graph.node('ReduceMax', [height], 'most', { axes: [0], keepdims: 1 });
  const behind = graph.node('Mul', [graph.node('Sub', [most, height], 'behind'), raise], 'raised');
  graph.node('Add', [graph.node('MatMul', [x, own], 'plain'), behind], 'logits');
  graph.output('logits', 'float32', ['batch', 2]);
  return write(folder, `crowd-${weight}.onnx`, graph);
}

function write(folder: string, name: string, graph: OnnxBuilder): string {
  const path = join(folder, name);
  writeFileSync(path, graph.finish(name));
  return path;
}

/** The largest level of a photograph of 224 by 224 pixels in three colours. */
export function writePhotographOnnx(folder: string, name = 'photograph.onnx'): string {
  const graph = new OnnxBuilder();
  const image = graph.input('image', 'float32', ['batch', 3, 224, 224]);
  graph.node('ReduceMax', [image], 'brightest', { axes: [1, 2, 3], keepdims: 0 });
  graph.output('brightest', 'float32', ['batch']);
  return write(folder, name, graph);
}

/** Places of the table that `writePositionTableOnnx` looks positions up in. */
export const TABLE_PLACES = 4;

/**
 * Writes the sum of embeddings of tokens and of their places, of which a table has `TABLE_PLACES`. ONNX Runtime's optimiser turns
 * the lookup of places into a slice, so that a longer sequence fails in the addition after it.
 */
export function writePositionTableOnnx(folder: string): string {
  const graph = new OnnxBuilder();
  const tokens = graph.input('tokens', 'int64', ['batch', 'length']);
  const scalar = (name: string, value: bigint) => graph.constant(name, 'int64', [], BigInt64Array.of(value));
  const table = (name: string, rows: number) =>
    graph.constant(name, 'float32', [rows, 2], new Float32Array(2 * rows).fill(0.5));
  const [zero, one] = [scalar('zero', 0n), scalar('one', 1n)];
  const length = graph.node('Gather', [graph.node('Shape', [tokens], 'sizes'), one], 'length', { axis: 0 });
  const places = graph.node('Range', [zero, length, one], 'places');
  const placed = graph.node('Gather', [table('place_table', TABLE_PLACES), places], 'placed', { axis: 0 });
  const embedded = graph.node('Gather', [table('token_table', 8), tokens], 'embedded', { axis: 0 });
  graph.node('Add', [embedded, placed], 'sum');
  graph.node('ReduceMean', ['sum'], 'y', { axes: [1], keepdims: 0 });
  graph.output('y', 'float32', ['batch', 2]);
  return write(folder, 'position-table.onnx', graph);
}

/** Columns of the small autoencoder: an orthonormal basis of a plane in four dimensions. */
export const PLANE = Float32Array.of(0.5, 0.5, 0.5, -0.5, 0.5, 0.5, 0.5, -0.5);

/** Writes an encoder z = x·P and a decoder y = z·Pᵀ for four values in a plane of two; returns their paths. */
export function writeAutoencoder(
  folder: string,
  { outputs = 4, batch = 'batch' as number | string, bias = 0, prefix = '' } = {},
): { readonly encoder: string; readonly decoder: string } {
  const encoder = new OnnxBuilder();
  const p = encoder.constant('p', 'float32', [4, 2], PLANE);
  encoder.node('MatMul', [encoder.input('x', 'float32', ['batch', 4]), p], 'z');
  encoder.output('z', 'float32', ['batch', 2]);
  const decoder = new OnnxBuilder();
  const transposed = Float32Array.from({ length: 2 * outputs }, (_, i) => {
    const [k, j] = [Math.floor(i / outputs), i % outputs];
    return j < 4 ? PLANE[2 * j + k] : 0;
  });
  const q = decoder.constant('q', 'float32', [2, outputs], transposed);
  const b = decoder.constant('b', 'float32', [1], Float32Array.of(bias));
  decoder.node('MatMul', [decoder.input('z', 'float32', [batch, 2]), q], 'sum');
  decoder.node('Add', ['sum', b], 'decoded');
  decoder.output('decoded', 'float32', [batch, outputs]);
  const paths = {
    encoder: join(folder, `${prefix}encoder.onnx`),
    decoder: join(folder, `${prefix}decoder.onnx`),
  };
  writeFileSync(paths.encoder, encoder.finish('encoder'));
  writeFileSync(paths.decoder, decoder.finish('decoder'));
  return paths;
}
