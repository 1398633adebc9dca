import { nodesBetween } from '../../src/model/gradients/backward-graph.ts';
import type { Gradient, GradientRequest } from '../../src/model/gradients/gradient.ts';
import { hasRule } from '../../src/model/gradients/rules/registry.ts';
import type { Model } from '../../src/model/model.ts';
import { makeData, type Tensor } from '../../src/tensor/tensor.ts';
import { median } from '../campaign.ts';

/** How much of the way to the inputs is differentiated. */
export interface Coverage {
  /** Nodes between the inputs and the differentiated tensor. */
  readonly nodes: number;
  /** Share of them whose operation has a rule, or the gradient 0 by definition. */
  readonly share: number;
  /** Operations without a rule. */
  readonly without: readonly string[];
  /** Nodes at which the gradient ended, also those whose rule does not cover how they are used. */
  readonly stops: readonly string[];
}

/** By batch size, a gradient's time over that of a forward pass, in both layouts. */
export type Prices = Readonly<Record<string, { readonly appended: number; readonly separate: number }>>;

export async function gradientOf(
  model: Model,
  request: GradientRequest,
  feeds: readonly Tensor[],
): Promise<Gradient> {
  const { gradients } = model.capabilities;
  if (gradients === undefined) throw new Error(`${model.path} has no gradients on ${model.runtime.kind}`);
  return gradients.gradient(request, feeds);
}

export async function coverageOf(
  model: Model,
  request: GradientRequest,
  feeds: readonly Tensor[],
): Promise<Coverage> {
  if (model.graph === undefined) throw new Error(`${model.path} has no graph`);
  const nodes = nodesBetween(model.graph, request.wrt, [request.of]);
  const without = nodes.filter((node) => !hasRule(node));
  const { stops } = await gradientOf(model, request, feeds);
  return {
    nodes: nodes.length,
    share: 1 - without.length / Math.max(1, nodes.length),
    without: [...new Set(without.map(({ op, domain }) => (domain === undefined ? op : `${domain}.${op}`)))],
    stops,
  };
}

/** The largest difference from a recorded gradient in both layouts, and that relative to its largest value. */
export async function differenceFrom(
  model: Model,
  request: GradientRequest,
  feeds: readonly Tensor[],
  upstream: Tensor,
  expected: Tensor,
): Promise<{ readonly difference: number; readonly relativeDifference: number }> {
  let difference = 0;
  const values = expected.data as Float32Array;
  for (const layout of ['auto', 'separate'] as const) {
    const gradient = await gradientOf(model, { ...request, layout }, feeds);
    const [given] = await gradient.run(feeds, upstream);
    if (`${given.shape}` !== `${expected.shape}`)
      throw new Error(`the gradient has shape ${given.shape}, the recorded one ${expected.shape}`);
    values.forEach((value, i) => {
      difference = Math.max(difference, Math.abs(value - Number(given.data[i])));
    });
  }
  return {
    difference,
    relativeDifference: difference / values.reduce((m, v) => Math.max(m, Math.abs(v)), 0),
  };
}

/** Runs that come before the measured ones: the first allocate memory. */
const WARM_UP_RUNS = 2;

/** Milliseconds that one measurement lasts at least, so that the clock is fine enough. */
const MIN_MS = 5;

/** Medians over several measurements; forward passes and gradients take turns. */
export async function pricesOf(
  model: Model,
  request: GradientRequest,
  feeds: readonly Tensor[],
  batches: readonly number[],
  runs: number,
): Promise<Prices> {
  const prices: [string, Prices[string]][] = [];
  // A model with a fixed batch is measured at that.
  const isOpen = model.inputs.every(({ shape }) => shape[0] === null);
  for (const rows of isOpen ? batches : [feeds[0].shape[0]]) {
    const batch = isOpen ? feeds.map((feed) => repeatFirstRow(feed, rows)) : feeds;
    const appended = await gradientOf(model, { ...request, layout: 'auto' }, batch);
    const separate = await gradientOf(model, { ...request, layout: 'separate' }, batch);
    const size = appended.shape.reduce((product, d) => product * d, 1);
    const upstream: Tensor = {
      type: 'float32',
      shape: appended.shape,
      data: new Float32Array(size).fill(1),
    };
    const actions = [
      () => model.run(batch, []),
      () => appended.run(batch, upstream),
      () => separate.run(batch, upstream),
    ];
    const repeats: number[] = [];
    for (const action of actions) {
      for (let n = 0; n < WARM_UP_RUNS; n++) await action();
      repeats.push(Math.max(1, Math.ceil(MIN_MS / (await msOf(action, 1)))));
    }
    const times: number[][] = actions.map(() => []);
    for (let n = 0; n < runs; n++)
      for (const [i, action] of actions.entries()) times[i].push(await msOf(action, repeats[i]));
    const [forward, ...gradients] = times.map(median);
    const [priceAppended, priceSeparate] = gradients.map((ms) => Number((ms / forward).toFixed(2)));
    prices.push([`${rows}`, { appended: priceAppended, separate: priceSeparate }]);
  }
  return Object.fromEntries(prices);
}

/** Milliseconds of one of several runs in a row. */
async function msOf(action: () => Promise<unknown>, repeats: number): Promise<number> {
  const start = performance.now();
  for (let n = 0; n < repeats; n++) await action();
  return (performance.now() - start) / repeats;
}

/** A batch of equal rows along the first axis. */
export function repeatFirstRow({ type, shape, data }: Tensor, rows: number): Tensor {
  const [count] = shape;
  const size = data.length / count;
  const repeated = makeData(type, rows * size);
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < size; i++) repeated[row * size + i] = data[i] as never;
  return { type, shape: [rows, ...shape.slice(1)], data: repeated };
}
