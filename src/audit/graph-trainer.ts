import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Adam } from '../core/adam.ts';
import type { OnnxBuilder } from '../model/formats/onnx/builder.ts';
import { loadModel } from '../model/formats/registry.ts';
import type { Model } from '../model/model.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** A weight of a graph that is trained: an input of that name. */
export interface TrainedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  /** Changed by training. */
  readonly values: Float32Array;
}

/** Trains the weights of an ONNX graph with Adam, along the gradients that neurofuzz has of any ONNX model. */
export class GraphTrainer {
  readonly #model: Model;
  readonly #weights: readonly TrainedWeight[];
  readonly #rate: number;
  readonly #optimizers: readonly Adam[];

  private constructor(model: Model, weights: readonly TrainedWeight[], rate: number) {
    this.#model = model;
    this.#weights = weights;
    this.#rate = rate;
    this.#optimizers = weights.map(({ values }) => new Adam(values.length));
  }

  /**
   * @param graph an ONNX file whose inputs are those of a batch and then the weights, and whose output `loss` has one value
   * @throws UserError where ONNX Runtime can't load it
   */
  static async open(
    graph: Uint8Array,
    weights: readonly TrainedWeight[],
    rate: number,
  ): Promise<GraphTrainer> {
    const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-training-'));
    try {
      const path = join(folder, 'training.onnx');
      await writeFile(path, graph);
      return new GraphTrainer(await loadModel(path, { runtime: 'auto' }), weights, rate);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** A step of Adam down the loss of a batch. @throws Error where the runtime fails */
  async descend(batch: readonly Tensor[]): Promise<void> {
    const gradients = await this.gradients(
      batch,
      this.#weights.map(({ name }) => name),
    );
    gradients.forEach((gradient, n) => {
      this.#optimizers[n].step(this.#weights[n].values, gradient, this.#rate);
    });
  }

  /** The gradients of a batch's loss with respect to inputs or weights. @throws Error where the runtime fails */
  async gradients(batch: readonly Tensor[], wrt: readonly string[]): Promise<readonly Float32Array[]> {
    const weights = this.#weights.map(
      ({ shape, values }): Tensor => ({ type: 'float32', shape, data: values }),
    );
    const feeds = [...batch, ...weights];
    const gradient = await this.#model.capabilities.gradients?.gradient({ of: 'loss', wrt }, feeds);
    if (gradient === undefined) throw new Error('ONNX Runtime has no gradients');
    const upstream: Tensor = { type: 'float32', shape: gradient.shape, data: Float32Array.of(1) };
    return (await gradient.run(feeds, upstream)).map(({ data }) =>
      data instanceof Float32Array ? data : Float32Array.from(data, Number),
    );
  }

  dispose(): Promise<void> {
    return this.#model.dispose();
  }
}

/** Appends the mean cross-entropy of logits to a training graph, as its output `loss`. */
export function addLoss(graph: OnnxBuilder, logits: string, wanted: string, rows: number): void {
  graph.node('LogSoftmax', [logits], 'logarithms', { axis: 1 });
  graph.node('Mul', ['logarithms', wanted], 'likelihoods');
  graph.node('ReduceSum', ['likelihoods'], 'sum', { keepdims: 1 });
  graph.constant('share', 'float32', [1], Float32Array.of(-1 / rows));
  graph.node('Mul', ['sum', 'share'], 'loss');
  graph.output('loss', 'float32', [1, 1]);
}
