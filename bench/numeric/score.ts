import { type Random, randomStream } from '../../src/core/random.ts';
import type { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import type { TfjsBuilder } from '../../src/model/formats/tfjs/builder.ts';

/** Inputs of a network, and the sizes of its layers. */
export const INPUTS = 48;
const LAYERS = [32, 16, 1];
const CLASSES = 10;

interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  /** `[inputs, outputs]`. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

/**
 * A network of three dense layers with one output: below 1 for a million noise samples, although some inputs within
 * [−1, 1] reach 1 or more.
 */
export interface Score {
  readonly layers: readonly Layer[];
  /** Maps the output of the second layer to logits of a classifier, the first output of the model. */
  readonly head: Layer;
  /** Maximum over noise samples, and maximum after gradient ascent. */
  readonly noise: number;
  readonly most: number;
}

/** Samples of each kind of noise. */
const DRAWS = 500_000;

/** Position of 1 between the maximum over noise and the overall maximum, as a share. */
const BETWEEN = 0.5;

/** Maxima over noise and after gradient ascent, before the score was scaled. */
export interface Extent {
  readonly noise: number;
  readonly most: number;
}

/**
 * Makes a score; equal names give equal ones.
 *
 * @param known its extent if it was measured before
 */
export function makeScore(name: string, known?: Extent): { readonly score: Score; readonly extent: Extent } {
  const random = randomStream('numeric', name);
  let inputs = INPUTS;
  const layers = LAYERS.map((outputs): Layer => {
    const weights = Float32Array.from(
      { length: inputs * outputs },
      () => gaussian(random) / Math.sqrt(inputs),
    );
    const bias = Float32Array.from({ length: outputs }, () => 0.1 * gaussian(random));
    const layer = { inputs, outputs, weights, bias };
    inputs = outputs;
    return layer;
  });
  const extent = known ?? measured(layers, random);
  const headRandom = randomStream('numeric-head', name);
  const head: Layer = {
    inputs: LAYERS[1],
    outputs: CLASSES,
    weights: Float32Array.from({ length: LAYERS[1] * CLASSES }, () => gaussian(headRandom) / 2),
    bias: new Float32Array(CLASSES),
  };
  const { noise, most } = extent;
  const last = layers[layers.length - 1];
  const middle = mean(layers);
  const limit = noise + BETWEEN * (most - noise) - middle;
  const scaled = {
    ...last,
    weights: last.weights.map((weight) => weight / limit),
    bias: last.bias.map((bias) => (bias - middle) / limit),
  };
  return {
    score: {
      layers: [...layers.slice(0, -1), scaled],
      head,
      noise: (noise - middle) / limit,
      most: (most - middle) / limit,
    },
    extent,
  };
}

function measured(layers: readonly Layer[], random: Random): Extent {
  const uniform = largest(layers, DRAWS, () => 2 * random.uniform() - 1);
  const normal = largest(layers, DRAWS, () => Math.max(-1, Math.min(1, gaussian(random))));
  return { noise: Math.max(uniform, normal), most: climbed(layers, random) };
}

/** Mean over uniform noise, which is shifted to 0. */
function mean(layers: readonly Layer[]): number {
  const random = randomStream('numeric-mean');
  const draws = 2000;
  let sum = 0;
  for (let n = 0; n < draws; n++) {
    const input = Float32Array.from({ length: INPUTS }, () => 2 * random.uniform() - 1);
    sum += forward(layers, input)[layers.length][0];
  }
  return sum / draws;
}

function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
}

/** Runs the layers, tanh between the first two and Relu before the last; returns the values of each. */
function forward(layers: readonly Layer[], input: Float32Array): Float32Array[] {
  const values = [input];
  layers.forEach(({ inputs, outputs, weights, bias }, place) => {
    const out = Float32Array.from(bias);
    const from = values[place];
    for (let i = 0; i < inputs; i++) {
      const value = from[i];
      if (value !== 0) for (let o = 0; o < outputs; o++) out[o] += value * weights[i * outputs + o];
    }
    if (place === 0) for (let o = 0; o < outputs; o++) out[o] = Math.tanh(out[o]);
    if (place === 1) for (let o = 0; o < outputs; o++) out[o] = Math.max(0, out[o]);
    values.push(out);
  });
  return values;
}

function largest(layers: readonly Layer[], draws: number, draw: () => number): number {
  const input = new Float32Array(INPUTS);
  let most = Number.NEGATIVE_INFINITY;
  for (let n = 0; n < draws; n++) {
    for (let i = 0; i < INPUTS; i++) input[i] = draw();
    most = Math.max(most, forward(layers, input)[layers.length][0]);
  }
  return most;
}

/** Maximum reached by following the sign of the gradient within the bounds, from several starts. */
function climbed(layers: readonly Layer[], random: Random): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let start = 0; start < 16; start++) {
    let input = Float32Array.from({ length: INPUTS }, () => 2 * random.uniform() - 1);
    for (let step = 0; step < 200; step++) {
      const values = forward(layers, input);
      most = Math.max(most, values[layers.length][0]);
      let gradient = Float32Array.of(1);
      for (let place = layers.length - 1; place >= 0; place--) {
        const { inputs, outputs, weights } = layers[place];
        const out = values[place + 1];
        const slope = (o: number): number =>
          place === 0 ? 1 - out[o] ** 2 : place === 1 ? (out[o] > 0 ? 1 : 0.01) : 1;
        const before = new Float32Array(inputs);
        for (let i = 0; i < inputs; i++)
          for (let o = 0; o < outputs; o++) before[i] += gradient[o] * slope(o) * weights[i * outputs + o];
        gradient = before;
      }
      const size = 0.1 * 0.98 ** step;
      const along = gradient;
      input = input.map((value, i) => Math.max(-1, Math.min(1, value + size * Math.sign(along[i]))));
    }
  }
  return most;
}

/**
 * Adds the layers after input `x`, and a classifier that shares two of them; returns the tensor of the score,
 * `[batch, 1]`.
 */
export function writeScoreOnnx(graph: OnnxBuilder, { layers, head }: Score): string {
  let values = graph.input('x', 'float32', ['batch', INPUTS]);
  layers.forEach(({ inputs, outputs, weights, bias }, place) => {
    const kernel = graph.constant(`dense_${place}/weights`, 'float32', [inputs, outputs], weights);
    const shift = graph.constant(`dense_${place}/bias`, 'float32', [outputs], bias);
    const sum = graph.node('Gemm', [values, kernel, shift], place === 2 ? 'score' : `dense_${place}`);
    values = place === 2 ? sum : graph.node(place === 0 ? 'Tanh' : 'Relu', [sum], `active_${place}`);
  });
  const kernel = graph.constant('head/weights', 'float32', [head.inputs, head.outputs], head.weights);
  graph.node('Softmax', [graph.node('MatMul', ['active_1', kernel], 'logits')], 'probabilities', { axis: 1 });
  graph.output('probabilities', 'float32', ['batch', CLASSES]);
  return values;
}

/** As `writeScoreOnnx`, for TensorFlow.js. */
export function writeScoreTfjs(graph: TfjsBuilder, { layers, head }: Score): string {
  let values = graph.input('x', 'float32', [-1, INPUTS]);
  layers.forEach(({ inputs, outputs, weights, bias }, place) => {
    const kernel = graph.constant(`dense_${place}/weights`, 'float32', [inputs, outputs], weights);
    const shift = graph.constant(`dense_${place}/bias`, 'float32', [outputs], bias);
    const product = graph.node('MatMul', [values, kernel], `dense_${place}/product`, {
      transpose_a: { b: false },
      transpose_b: { b: false },
    });
    const sum = graph.node('AddV2', [product, shift], place === 2 ? 'score' : `dense_${place}`);
    values = place === 2 ? sum : graph.node(place === 0 ? 'Tanh' : 'Relu', [sum], `active_${place}`);
  });
  const kernel = graph.constant('head/weights', 'float32', [head.inputs, head.outputs], head.weights);
  const straight = { transpose_a: { b: false }, transpose_b: { b: false } };
  graph.node('Softmax', [graph.node('MatMul', ['active_1', kernel], 'logits', straight)], 'probabilities');
  graph.output('probabilities', 'float32', [-1, CLASSES]);
  return values;
}
