import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import type { LoadOptions, Model } from '../../src/model/model.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/** Writes and loads a model. */
export function loadBuilt(
  folder: string,
  name: string,
  graph: OnnxBuilder,
  options: Partial<LoadOptions> = {},
): Promise<Model> {
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, graph.finish(name));
  return loadModel(path, { runtime: 'onnx', ...options });
}

/** A branch of an If that gives one result, a matrix. */
export function branch(op: string, inputs: readonly string[], result: string): OnnxBuilder {
  const body = new OnnxBuilder();
  body.node(op, inputs, result);
  body.output(result, 'float32', ['rows', 'columns']);
  return body;
}

export function scalar(graph: OnnxBuilder, name: string, value: number): string {
  return graph.constant(name, 'float32', [], Float32Array.of(value));
}

export function integer(graph: OnnxBuilder, name: string, value: number): string {
  return graph.constant(name, 'int64', [], BigInt64Array.of(BigInt(value)));
}

export function floats(shape: readonly number[], ...values: readonly number[]): Tensor {
  return { type: 'float32', shape, data: Float32Array.from(values) };
}

/**
 * A Loop of `trips` iterations over a state of shape `[batch, 2]` that begins as x: each divides it by `divisor` minus the
 * iteration's number, in a node named `quotient`. So an iteration whose number is the divisor gives infinities, or NaN
 * for zeros. Its result is `y`.
 */
export function countdownLoop(trips: number, divisor: number): OnnxBuilder {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 2]);
  const body = new OnnxBuilder();
  body.input('i', 'int64', []);
  body.input('go', 'bool', []);
  body.input('state', 'float32', ['batch', 2]);
  body.node('Identity', ['go'], 'go_on');
  body.node('Sub', [scalar(body, 'divisor', divisor), body.node('Cast', ['i'], 'number', { to: 1 })], 'left');
  body.node('Div', ['state', 'left'], 'quotient');
  body.output('go_on', 'bool', []);
  body.output('quotient', 'float32', ['batch', 2]);
  const always = graph.constant('always', 'bool', [], Uint8Array.of(1));
  graph.node('Loop', [integer(graph, 'trips', trips), always, 'x'], 'looped', { body });
  graph.node('Neg', ['looped'], 'y');
  graph.output('y', 'float32', ['batch', 2]);
  return graph;
}

/** A Loop of two iterations, each of which takes the logarithm of its state and 3, from x `[batch, 2]` on. */
export function logLoop(): OnnxBuilder {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 2]);
  const body = new OnnxBuilder();
  body.input('i', 'int64', []);
  body.input('go', 'bool', []);
  body.input('state', 'float32', ['batch', 2]);
  body.node('Identity', ['go'], 'go_on');
  body.node('Log', [body.node('Add', ['state', scalar(body, 'three', 3)], 'sum')], 'log');
  body.output('go_on', 'bool', []);
  body.output('log', 'float32', ['batch', 2]);
  const always = graph.constant('always', 'bool', [], Uint8Array.of(1));
  graph.node('Loop', [integer(graph, 'trips', 2), always, 'x'], 'looped', { body });
  graph.node('Neg', ['looped'], 'y');
  graph.output('y', 'float32', ['batch', 2]);
  return graph;
}

/**
 * A recurrent cell over time, as a Scan: the state h, `[batch, 2]`, becomes log(h + x_t) at each of three steps of an
 * input x `[3, batch, 2]`. Its results are the last state, `y`, and all states, `states`.
 */
export function recurrentScan(): OnnxBuilder {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', [3, 'batch', 2]);
  graph.input('h', 'float32', ['batch', 2]);
  const body = new OnnxBuilder();
  body.input('before', 'float32', ['batch', 2]);
  body.input('step', 'float32', ['batch', 2]);
  body.node('Log', [body.node('Add', ['before', 'step'], 'sum')], 'after');
  body.node('Identity', ['after'], 'kept');
  body.output('after', 'float32', ['batch', 2]);
  body.output('kept', 'float32', ['batch', 2]);
  graph.node('Scan', ['h', 'x'], ['y', 'states'], { body, num_scan_inputs: 1 });
  graph.output('y', 'float32', ['batch', 2]);
  graph.output('states', 'float32', [3, 'batch', 2]);
  return graph;
}

/**
 * A model of a signal x `[1, 4]` and a sample rate: sqrt of x at 16000, else log of x. Both are of nodes and tensors
 * named `raw` and `result`.
 */
export function sampleRateModel(): OnnxBuilder {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', [1, 4]);
  graph.input('sr', 'int64', []);
  const rate = (op: string): OnnxBuilder => {
    const body = new OnnxBuilder();
    body.node(op, ['x'], 'raw');
    body.node('Mul', ['raw', scalar(body, 'factor', op === 'Sqrt' ? 2 : 3)], 'result');
    body.output('result', 'float32', [1, 4]);
    return body;
  };
  graph.node('Equal', ['sr', integer(graph, 'rate', 16000)], 'is_wide');
  graph.node('If', ['is_wide'], 'chosen', { then_branch: rate('Sqrt'), else_branch: rate('Log') });
  graph.node('Neg', ['chosen'], 'y');
  graph.output('y', 'float32', [1, 4]);
  return graph;
}
