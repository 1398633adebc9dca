import * as tf from '@tensorflow/tfjs-core';
import { LruCache } from '../../../../core/lru-cache.ts';
import { sizeOf, type Tensor } from '../../../../tensor/tensor.ts';
import {
  type Differentiable,
  type Gradient,
  type GradientRequest,
  NoGradientError,
} from '../../../gradients/gradient.ts';
import type { Graph, GraphNode } from '../../../graph/graph.ts';
import type { InputSpec } from '../../../model.ts';
import type { LoadedNetwork } from '../loaded-network.ts';
import { fromTf, toTf, toTfFeeds } from '../tf-tensor.ts';
import { loadEveryKernel, withEveryKernel } from './missing-kernels.ts';
import { registerMoreRules } from './more-rules.ts';
import { differentiate, type TapedGradients } from './tape.ts';

/** What is known of a gradient is kept for so many requests. */
const MAX_PREPARED = 256;

export interface TfjsGradientParts {
  readonly graph: Graph;
  readonly inputs: readonly InputSpec[];
  /** Makes the backend that runs the model the active one. */
  readonly activate: () => Promise<void>;
  /** Gives inner tensors. */
  readonly run: (feeds: readonly Tensor[], watched: readonly string[]) => Promise<readonly Tensor[]>;
  readonly network: Pick<LoadedNetwork, 'compute' | 'isAsynchronous'>;
}

/** What a gradient passes through, which its shapes alone decide. */
type Prepared =
  | Pick<Gradient, 'shape' | 'stops' | 'differentiated' | 'onPath'>
  | { readonly refusal: NoGradientError };

/** Gradients of a TensorFlow.js model: its kernels are recorded as they run, and taken back one by one (tf.grads). */
export class TfjsGradients implements Differentiable {
  readonly #parts: TfjsGradientParts;
  readonly #prepared = new LruCache<string, Prepared>(MAX_PREPARED);

  constructor(parts: TfjsGradientParts) {
    this.#parts = parts;
  }

  async gradient({ alsoOf = [], ...request }: GradientRequest, feeds: readonly Tensor[]): Promise<Gradient> {
    if (alsoOf.length === 0) return this.#gradientOf(request, feeds);
    const parts: Gradient[] = [];
    for (const tensor of [request.of, ...alsoOf])
      parts.push(await this.#gradientOf({ ...request, of: tensor }, feeds));
    return { ...parts[0], stops: [...new Set(parts.flatMap(({ stops }) => stops))], run: runAll(parts) };
  }

  async #gradientOf(request: GradientRequest, feeds: readonly Tensor[]): Promise<Gradient> {
    const { of, wrt, straightThrough = false, guided = false, shifts = [] } = request;
    if (shifts.length > 0) throw new NoGradientError(of, []);
    const key = JSON.stringify([of, wrt, straightThrough, guided, feeds.map(({ shape }) => shape)]);
    let prepared = this.#prepared.get(key);
    if (prepared === undefined) {
      prepared = await this.#prepare({ of, wrt, straightThrough, guided }, feeds);
      this.#prepared.set(key, prepared);
    }
    if ('refusal' in prepared) throw prepared.refusal;
    return {
      ...prepared,
      run: (ranFeeds, upstream) =>
        this.#differentiate(
          { of, wrt, straightThrough, guided },
          ranFeeds,
          upstream,
          ({ gradients }, operands) =>
            gradients.map((gradient, i) =>
              gradient === undefined ? zeros(operands[i].shape) : fromTf(wrt[i], gradient),
            ),
        ),
    };
  }

  /** Differentiates once, since only a run shows what the runtime lacks. */
  async #prepare(request: Request, feeds: readonly Tensor[]): Promise<Prepared> {
    const { of } = request;
    const { graph, network } = this.#parts;
    const nodes = nodesBefore(graph, of);
    // A loop consists of many; the message has the first.
    const asynchronous = nodes.find(network.isAsynchronous);
    if (asynchronous !== undefined) return { refusal: new NoGradientError(of, [describe(asynchronous)]) };
    return this.#differentiate(request, feeds, undefined, ({ value, gradients, stops, ...account }) => {
      const named = stops.map((kernel) => nameStop(kernel, nodes));
      if (gradients.every((gradient) => gradient === undefined))
        return { refusal: new NoGradientError(of, named) };
      const { differentiated, onPath } = account;
      return { shape: value.shape, stops: named, differentiated, onPath };
    });
  }

  /** @param pick what is read out of the results, which are disposed of afterwards */
  async #differentiate<T>(
    { of, wrt, straightThrough, guided }: Request,
    feeds: readonly Tensor[],
    upstream: Tensor | undefined,
    pick: (results: TapedGradients, operands: readonly tf.Tensor[]) => T,
  ): Promise<T> {
    const { activate, inputs, run, network } = this.#parts;
    registerMoreRules();
    await loadEveryKernel();
    const inner = wrt.filter((name) => !inputs.some((input) => input.name === name));
    const innerValues = inner.length === 0 ? [] : await run(feeds, inner);
    await activate();
    const read: T[] = [];
    tf.tidy(() => {
      const fed = toTfFeeds(inputs, feeds);
      const given = new Map([
        ...inputs.map(({ name }, i) => [name, fed[i]] as const),
        ...inner.map((name, i) => [name, toTf(innerValues[i])] as const),
      ]);
      const operands = wrt.map((name) => given.get(name) as tf.Tensor);
      let needsFilterGradients = true;
      const results = withEveryKernel(
        () => needsFilterGradients,
        () =>
          differentiate(
            () => network.compute(given, of),
            operands,
            upstream && (toTf(upstream) as tf.Tensor),
            {
              straightThrough,
              guided,
              onForward: (account) => {
                ({ needsFilterGradients } = account);
              },
            },
          ),
      );
      read.push(pick(results, operands));
    });
    return read[0];
  }
}

type Request = Required<Omit<GradientRequest, 'layout' | 'alsoOf' | 'shifts'>>;

/** Adds up the gradients of several tensors. */
function runAll(parts: readonly Gradient[]): Gradient['run'] {
  return async (feeds, upstream, further = []) => {
    const results: (readonly Tensor[])[] = [];
    for (const [i, part] of parts.entries()) results.push(await part.run(feeds, [upstream, ...further][i]));
    return results[0].map((first, i) => {
      const data = Float32Array.from(first.data as Float32Array);
      for (const result of results.slice(1))
        (result[i].data as Float32Array).forEach((value, j) => {
          data[j] += value;
        });
      return { ...first, data };
    });
  };
}

function zeros(shape: readonly number[]): Tensor {
  return { type: 'float32', shape, data: new Float32Array(sizeOf(shape)) };
}

function describe({ op, name }: GraphNode): string {
  return `${op} (${name})`;
}

/** The nodes that a tensor is computed by. Further results of a node have its name and a number (`split:1`). */
function nodesBefore({ nodes }: Graph, tensor: string): GraphNode[] {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const needed = new Set<GraphNode>();
  const names = [tensor];
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    const node = makers.get(name) ?? makers.get(name.replace(/:\d+$/, ''));
    if (node === undefined || needed.has(node)) continue;
    needed.add(node);
    names.push(...node.inputs);
  }
  return nodes.filter((node) => needed.has(node));
}

/** A kernel with the first node that runs it, where the graph has operations of its name. */
function nameStop(kernel: string, nodes: readonly GraphNode[]): string {
  const node = nodes.find(({ op }) => op === kernel || op === `${kernel}V2` || op === `_${kernel}`);
  return node === undefined ? kernel : describe(node);
}
