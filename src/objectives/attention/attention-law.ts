import { type AttentionBlock, findAttentionBlocks } from '../../analysis/attention/find-blocks.ts';
import { type HeadWeights, headSums, headWeights } from '../../analysis/attention/head-statistics.ts';
import { SUM_TOLERANCE, scoresLike } from '../../analysis/attention/measure-attention.ts';
import { placeGrid } from '../../analysis/attention/places.ts';
import { formatNumber } from '../../core/format-number.ts';
import type { BatchTensor } from '../../model/batched-model.ts';
import type { Graph } from '../../model/graph/graph.ts';
import { rowsOf } from '../../tensor/tensor.ts';
import {
  instanceName,
  type JudgedBatch,
  type ModelTensors,
  type Objective,
  type ObjectiveKind,
  slug,
  type Violation,
} from '../objective.ts';

/** What a head breaks. */
interface Breach {
  readonly kind: 'sum' | 'masked';
  readonly block: AttentionBlock;
  readonly head: number;
  /** |sum − 1|, or the number of masked queries. */
  readonly value: number;
}

/**
 * The law of a softmax, by what the product with the values reads: the weights of each query add up to 1, and some key is not masked. A row
 * of NaN, of zeros, or whose scores are all those of a mask counts as masked. A mask that leaves a key is no violation.
 */
class AttentionLaw implements Objective {
  readonly name: string;
  readonly #blocks = new WeakMap<Graph, readonly AttentionBlock[]>();
  #known: readonly AttentionBlock[] = [];

  constructor(name: string) {
    this.name = name;
  }

  chooseTensors({ graph, watchable }: ModelTensors): readonly string[] {
    const known = this.#blocks.get(graph);
    const shown = new Set(watchable);
    this.#known = known ?? findAttentionBlocks(graph).blocks.filter(({ weights }) => shown.has(weights));
    this.#blocks.set(graph, this.#known);
    return this.#known.flatMap(({ weights, scores, mask }) =>
      mask !== undefined && shown.has(scores) ? [weights, scores] : [weights],
    );
  }

  refuses(): string | undefined {
    return this.#known.length === 0
      ? 'needs a model that shows a block of attention, and this one shows none'
      : undefined;
  }

  judge(run: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    const tensors = tensorsOf(run);
    for (let row = 0; row < run.rows; row++) {
      const { breach } = this.#look(tensors, row);
      if (breach !== undefined) report(row, this.#violation(breach));
    }
  }

  margins(run: JudgedBatch, row: number, out: Float64Array): number {
    const { breach, distance } = this.#look(tensorsOf(run), row);
    out[0] = breach === undefined ? distance : 0;
    return 1;
  }

  /** The first breach of a row, and how far the sums of weights are from one. */
  #look(
    tensors: ReadonlyMap<string, BatchTensor>,
    row: number,
  ): { readonly breach: Breach | undefined; readonly distance: number } {
    let distance = Number.POSITIVE_INFINITY;
    for (const block of this.#known) {
      const tensor = tensors.get(block.weights);
      if (tensor === undefined || tensor.shape.length < 2) continue;
      const weights = weightsOf(tensor, block, row);
      const tolerance = tensor.type === 'float16' ? SUM_TOLERANCE.half : SUM_TOLERANCE.single;
      const maskedScores = block.mask === undefined ? undefined : tensors.get(block.scores);
      const scores = maskedScores && scoresLike(weights, rowOf(maskedScores, row));
      const grid = placeGrid(weights.queries, weights.keys, undefined);
      for (let head = 0; head < weights.heads; head++) {
        const { masked, sumError } = headSums(weights, head, scores, grid);
        if (masked > 0) return { breach: { kind: 'masked', block, head, value: masked }, distance: 0 };
        if (sumError > tolerance)
          return { breach: { kind: 'sum', block, head, value: sumError }, distance: 0 };
        distance = Math.min(distance, tolerance - sumError);
      }
    }
    return { breach: undefined, distance };
  }

  #violation({ kind, block, head, value }: Breach): Violation {
    const what =
      kind === 'masked'
        ? `has ${value === 1 ? 'a query' : `${value} queries`} with no key left by its mask`
        : `has a query whose weights add up to 1 ± ${formatNumber(value, 3)}`;
    return {
      objective: 'attention-law',
      signature: `${this.name}-${kind}-${slug(block.name)}`,
      summary: `head ${head} of ${block.name} ${what}`,
      tensors: [block.weights],
      details: { kind, softmax: block.name, head, value },
    };
  }
}

function tensorsOf({ outputs, activations }: JudgedBatch): ReadonlyMap<string, BatchTensor> {
  return new Map([...outputs, ...activations].map((tensor) => [tensor.name, tensor]));
}

function rowOf(tensor: BatchTensor, row: number): BatchTensor {
  return { ...tensor, data: rowsOf(tensor.data, tensor.size, row, row + 1) };
}

function weightsOf(tensor: BatchTensor, { axes }: AttentionBlock, row: number): HeadWeights {
  const { type, shape, data } = rowOf(tensor, row);
  return headWeights(type, data, shape, axes);
}

/** Attention whose weights are none. */
export const attentionLaw: ObjectiveKind = {
  name: 'attention-law',
  help: 'attention weights of a query that do not add up to 1, or with all keys masked',
  source: 'Zhang et al. 2019, arXiv 1805.08318, for the block; the law is that of the softmax',
  parameters: [],
  make: (_values, { name }) => new AttentionLaw(instanceName('attention-law', name)),
};
