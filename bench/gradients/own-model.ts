import { readFile } from 'node:fs/promises';
import { type Random, randomStream } from '../../src/core/random.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import type { GradientRequest } from '../../src/model/gradients/gradient.ts';
import type { InputSpec, Model } from '../../src/model/model.ts';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { DTYPES, makeData, sizeOf, type Tensor, writeNumber } from '../../src/tensor/tensor.ts';
import { line, median } from '../campaign.ts';
import { coverageOf, gradientOf, pricesOf, repeatFirstRow } from './measure.ts';

export interface OwnModel {
  readonly path: string;
  /** The differentiated tensor; the first output by default. */
  readonly of: string | undefined;
  /** What it is differentiated with respect to; the inputs of floating point by default. */
  readonly wrt: string | undefined;
  /** An npz with an array for each input, of which the first row is taken; random numbers by default. */
  readonly seeds: string | undefined;
  readonly isStraightThrough: boolean;
  readonly batches: readonly number[];
  readonly runs: number;
}

/** Directions along which a gradient is compared with central differences, and steps that are tried for each. */
const DIRECTIONS = 8;
const STEPS = [2 ** -4, 2 ** -6, 2 ** -8, 2 ** -10];

/** Prints the share of nodes, the difference from central differences and the price of one model. */
export async function measureOwn(own: OwnModel): Promise<void> {
  const model = await loadModel(own.path, { runtime: 'auto' });
  try {
    const feeds = await feedsOf(model, own.seeds);
    const floats = model.inputs.filter(({ type }) => DTYPES[type].kind === 'float').map(({ name }) => name);
    const wrt = own.wrt?.split(',') ?? floats;
    if (wrt.length === 0) throw new Error('no input is of floating point: name inner tensors with --wrt');
    const request: GradientRequest = {
      of: own.of ?? model.outputs[0],
      wrt,
      straightThrough: own.isStraightThrough,
    };
    const coverage = await coverageOf(model, request, feeds);
    const areInputs = wrt.every((name) => model.inputs.some((input) => input.name === name));
    const relativeDifference = areInputs ? await differenceFromCentral(model, request, feeds) : undefined;
    const price = await pricesOf(model, request, feeds, own.batches, own.runs);
    line({ bench: 'gradients', model: own.path, ...request, ...coverage, relativeDifference, price });
  } finally {
    await model.dispose();
  }
}

async function feedsOf(model: Model, seeds: string | undefined): Promise<Tensor[]> {
  const arrays = seeds === undefined ? undefined : decodeNpz(await readFile(seeds), seeds);
  const random = randomStream('bench', 'gradients');
  return model.inputs.map((input) => {
    if (arrays === undefined) return drawFeed(input, random);
    const array = arrays.get(input.name);
    if (array === undefined) throw new Error(`${seeds} has no array ${input.name}`);
    // An axis of fixed size is no batch, such as that of a state by layers.
    const isBatch = input.shape[0] === null && array.shape.length === input.shape.length;
    const feed = isBatch
      ? repeatFirstRow(array, 1)
      : { ...array, shape: input.shape.length === 0 ? [] : array.shape };
    return feed.type === input.type ? feed : converted(feed, input);
  });
}

/** Size of a free axis behind the first, which is 1. */
const FREE_SIZE = 64;

/** Numbers between 0 and 1, for integers 0 and 1. */
function drawFeed({ type, shape }: InputSpec, random: Random): Tensor {
  const sizes = shape.map((size, axis) => size ?? (axis === 0 ? 1 : FREE_SIZE));
  const data = makeData(type, sizeOf(sizes));
  for (let i = 0; i < data.length; i++) {
    const value = random.uniform();
    writeNumber(type, data, i, DTYPES[type].kind === 'float' ? value : Math.round(value));
  }
  return { type, shape: sizes, data };
}

function converted({ shape, data }: Tensor, { type }: InputSpec): Tensor {
  const target = makeData(type, data.length);
  for (let i = 0; i < data.length; i++) writeNumber(type, target, i, Number(data[i]));
  return { type, shape, data: target };
}

/**
 * The median, over random directions, of the difference between the gradient's forecast and the central difference of
 * Σ upstream·of, relative to the forecast; of several steps the best one, since rounding spoils short
 * ones and bends long ones.
 */
async function differenceFromCentral(
  model: Model,
  request: GradientRequest,
  feeds: readonly Tensor[],
): Promise<number> {
  const random = randomStream('bench', 'gradient-directions');
  const gradient = await gradientOf(model, request, feeds);
  const data = Float32Array.from({ length: sizeOf(gradient.shape) }, () => 2 * random.uniform() - 1);
  const slopes = await gradient.run(feeds, { type: 'float32', shape: gradient.shape, data });
  const positions = request.wrt.map((name) => model.inputs.findIndex((input) => input.name === name));
  const differences: number[] = [];
  for (let n = 0; n < DIRECTIONS; n++) {
    // Half of the values, uphill: the change is then large against the rounding of the output.
    const directions = slopes.map((slope) =>
      Float32Array.from(slope.data as Float32Array, (value) => Math.sign(value) * random.below(2)),
    );
    const terms = slopes.flatMap((slope, k) => [...directions[k]].map((d, i) => d * Number(slope.data[i])));
    const forecast = terms.reduce((sum, term) => sum + term, 0);
    const lossAt = async (step: number): Promise<number> => {
      const moved = feeds.map((feed, i): Tensor => {
        const k = positions.indexOf(i);
        if (k < 0) return feed;
        const values = makeData(feed.type, feed.data.length);
        for (let j = 0; j < values.length; j++)
          writeNumber(feed.type, values, j, Number(feed.data[j]) + step * directions[k][j]);
        return { ...feed, data: values };
      });
      const { outputs, activations } = await model.run(moved, [request.of]);
      const found = [...activations, ...outputs].find(({ name }) => name === request.of);
      return data.reduce((sum, weight, i) => sum + weight * Number(found?.data[i]), 0);
    };
    const errors: number[] = [];
    for (const step of STEPS)
      errors.push(Math.abs(((await lossAt(step)) - (await lossAt(-step))) / (2 * step) - forecast));
    differences.push(Math.min(...errors) / Math.max(forecast, 1e-12));
  }
  return median(differences);
}
