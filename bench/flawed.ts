import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeNanDigits } from '../corpora/nan-digits/make.ts';
import type { Dense } from '../corpora/nan-digits/network.ts';
import { CLASSES, PIXELS } from '../corpora/nan-digits/network.ts';
import { randomStream } from '../src/core/random.ts';
import { OnnxBuilder } from '../src/model/formats/onnx/builder.ts';
import { ModelProto } from '../src/model/formats/onnx/proto.ts';
import { type DType, makeData, type TensorData } from '../src/tensor/tensor.ts';

/** A model with a numerical defect that its seeds do not trigger. */
export interface FlawedModel {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Mutator settings that exclude inputs from mutation. */
  readonly stays: readonly string[];
}

const bundled = new URL('../../corpora/nan-digits', import.meta.url).pathname;

/**
 * The bundled classifier and, given a folder of MNIST, the same one trained on that; each also with other defective
 * heads on its logits.
 */
export async function flawedModels(
  folder: string,
  cache: string,
  data: string | undefined,
): Promise<FlawedModel[]> {
  const sources = [{ name: 'drawn', path: bundled }];
  if (data !== undefined) {
    const path = resolve(cache, 'mnist');
    if (!existsSync(join(path, 'nan-digits.onnx'))) {
      const log = (text: string): void => void process.stderr.write(`${text}\n`);
      await makeNanDigits({ data, out: path, steps: 35_000, seed: 'nan-digits', log });
    }
    sources.push({ name: 'mnist', path });
  }
  const models: FlawedModel[] = [];
  for (const { name, path } of sources) {
    const settings = { seeds: join(path, 'seeds.npz'), range: { image: [-1, 1] } };
    const labelled = { ...settings, model: join(path, 'nan-digits.onnx') };
    models.push({ name: `${name}-cross-entropy`, settings: labelled, stays: ['label=none'] });
    const layers = await layersOf(join(path, 'nan-digits.onnx'));
    for (const [head, write] of Object.entries(HEADS)) {
      const model = join(folder, `${name}-${head}.onnx`);
      await writeFile(model, write(layers));
      models.push({ name: `${name}-${head}`, settings: { ...labelled, model }, stays: ['label=none'] });
    }
  }
  return models;
}

/** A limit that no digit's logits come near: the largest is 20.5. */
const CLASS_LIMIT = 30;

/**
 * Writes the bundled classifier with a fault for each class: the square root of the distance of its logit from a limit, NaN beyond it.
 * No input is near two of them.
 *
 * @returns the model's path
 */
export async function writeFaultPerClass(folder: string): Promise<string> {
  const graph = begun(await layersOf(join(bundled, 'nan-digits.onnx')));
  const limit = constant(graph, 'limit', 'float32', [], [CLASS_LIMIT]);
  for (let index = 0; index < CLASSES; index++) {
    const column = constant(graph, `class_${index}`, 'int64', [1], [index]);
    graph.node('Gather', ['logits', column], `logit_${index}`, { axis: 1 });
    graph.node('Sub', [limit, `logit_${index}`], `left_${index}`);
    graph.node('Sqrt', [`left_${index}`], `root_${index}`);
    graph.output(`root_${index}`, 'float32', ['batch', 1]);
  }
  const path = join(folder, 'fault-per-class.onnx');
  await writeFile(path, graph.finish('fault-per-class'));
  return path;
}

/** Extracts the dense layers of a classifier. */
async function layersOf(path: string): Promise<Dense[]> {
  const { graph } = ModelProto.toObject(ModelProto.decode(await readFile(path)), { bytes: Buffer }) as {
    readonly graph: { readonly initializer: readonly { name: string; dims: unknown[]; rawData: Buffer }[] };
  };
  const read = (name: string): { readonly dims: number[]; readonly data: Float32Array } => {
    const found = graph.initializer.find((tensor) => tensor.name === name);
    if (found === undefined) throw new Error(`${path} has no ${name}`);
    const copy = Uint8Array.from(found.rawData);
    return { dims: found.dims.map(Number), data: new Float32Array(copy.buffer) };
  };
  return ['hidden_1', 'hidden_2', 'logits'].map((name) => {
    const weights = read(`${name}/weights`);
    return {
      inputs: weights.dims[0],
      outputs: weights.dims[1],
      weights: weights.data,
      bias: read(`${name}/bias`).data,
    };
  });
}

/** Thresholds of a staircase, evenly spread over the pixels' range. */
const STAIRS = Array.from({ length: 16 }, (_, i) => (2 * i + 1) / 16 - 1);

/** Slope of the steps of a staircase, up for one half of the pixels and down for the other, although all stairs lead up. */
const STEP_SLOPE = 0.02;

/** Pixels on a staircase of signs, whose gradient is 0 but for that of the steps: it says nothing about the way. */
function stairs(graph: OnnxBuilder, pixels: string): string {
  const apart = graph.node('Unsqueeze', [pixels, constant(graph, 'last', 'int64', [1], [-1])], 'apart');
  const beyond = graph.node(
    'Sub',
    [apart, constant(graph, 'stairs', 'float32', [STAIRS.length], STAIRS)],
    'beyond',
  );
  const level = graph.node('ReduceMean', [graph.node('Sign', [beyond], 'sides')], 'level', {
    axes: [-1],
    keepdims: 0,
  });
  const random = randomStream('bench', 'stairs');
  const slopes = Array.from({ length: PIXELS }, () => (random.uniform() < 0.5 ? -STEP_SLOPE : STEP_SLOPE));
  const slope = constant(graph, 'step_slopes', 'float32', [PIXELS], slopes);
  return graph.node('Add', [level, graph.node('Mul', [pixels, slope], 'steps')], 'climbed');
}

/**
 * The classifier with a stable softmax, and inputs like those of the bundled one.
 *
 * @param prepare what is done to the pixels before it
 */
function begun(
  layers: readonly Dense[],
  prepare: (graph: OnnxBuilder, pixels: string) => string = (_, pixels) => pixels,
): OnnxBuilder {
  const graph = new OnnxBuilder();
  const image = graph.input('image', 'float32', ['batch', 28, 28, 1]);
  graph.input('label', 'int32', ['batch']);
  const flat = constant(graph, 'flat', 'int64', [2], [-1, PIXELS]);
  let values = prepare(graph, graph.node('Reshape', [image, flat], 'pixels'));
  layers.forEach((layer, i) => {
    const last = i === layers.length - 1;
    const name = last ? 'logits' : `hidden_${i + 1}`;
    const { inputs, outputs } = layer;
    const weights = graph.constant(`${name}/weights`, 'float32', [inputs, outputs], layer.weights);
    const bias = graph.constant(`${name}/bias`, 'float32', [outputs], layer.bias);
    const sum = graph.node('Gemm', [values, weights, bias], last ? name : `${name}/sum`);
    values = last ? sum : graph.node('Relu', [sum], name);
  });
  graph.node('Softmax', ['logits'], 'probabilities', { axis: 1 });
  graph.output('probabilities', 'float32', ['batch', CLASSES]);
  return graph;
}

function constant(
  graph: OnnxBuilder,
  name: string,
  type: DType,
  dims: readonly number[],
  values: readonly number[],
): string {
  const data = makeData(type, values.length) as TensorData;
  values.forEach((value, i) => {
    data[i] = type === 'int64' ? BigInt(value) : value;
  });
  return graph.constant(name, type, dims, data);
}

/** Heads that are finite on every digit but not on all images. */
const HEADS: Readonly<Record<string, (layers: readonly Dense[]) => Uint8Array>> = {
  /** Softplus of the sharpened logits, written as log(1 + exp(x)): infinite once exp overflows. */
  softplus(layers) {
    const graph = begun(layers);
    graph.node(
      'Exp',
      [graph.node('Mul', ['logits', constant(graph, 'sharp', 'float32', [], [2.5])], 'sharpened')],
      'exp',
    );
    graph.node('Add', ['exp', constant(graph, 'one', 'float32', [], [1])], 'raised');
    graph.node('Log', ['raised'], 'softplus');
    graph.output('softplus', 'float32', ['batch', CLASSES]);
    return graph.finish('softplus');
  },
  /** The square root of the distance of the hidden layer from a limit: NaN beyond it. */
  'square-root': (layers) => distanceRoot(begun(layers), 'square-root'),
  /** The same behind a staircase: no gradient leads there. */
  staircase: (layers) => distanceRoot(begun(layers, stairs), 'staircase'),
};

/** The square root of the distance of the hidden layer from a limit: NaN beyond it. */
function distanceRoot(graph: OnnxBuilder, name: string): Uint8Array {
  graph.node('ReduceMax', ['hidden_2'], 'largest', { axes: [1], keepdims: 1 });
  graph.node('Sub', [constant(graph, 'limit', 'float32', [], [LIMIT]), 'largest'], 'left');
  graph.node('Sqrt', ['left'], 'root');
  graph.node('Mul', ['logits', 'root'], 'scaled');
  graph.output('scaled', 'float32', ['batch', CLASSES]);
  return graph.finish(name);
}

/** A limit that no digit's hidden layer comes near. */
const LIMIT = 40;
