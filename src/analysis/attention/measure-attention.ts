import type { BatchedModel, BatchTensor } from '../../model/batched-model.ts';
import { packBatch, type TestcaseBatch } from '../../model/testcase-batch.ts';
import { readNumber } from '../../tensor/tensor.ts';
import type { AttentionBlock } from './find-blocks.ts';
import { type HeadSums, type HeadWeights, headSums, headWeights } from './head-statistics.ts';
import { placeGrid } from './places.ts';

/** Attention to measure. Plain data, sent between processes. */
export interface AttentionRequest {
  readonly blocks: readonly AttentionBlock[];
  readonly testcases: readonly TestcaseBatch[];
  /** Sides of the picture that each testcase shows; undefined for other inputs. */
  readonly pictures: readonly ({ readonly height: number; readonly width: number } | undefined)[];
  /** Testcases whose weights are returned, the first ones. */
  readonly shown: number;
}

/** Faults of a head or its block. */
export type AttentionFlag = 'law' | 'masked' | 'collapsed' | 'dead';

/** What a head did with the testcases. */
export interface HeadMeasures {
  readonly head: number;
  /** The largest |sum of a query's weights − 1|; null where every query is masked. */
  readonly sumError: number | null;
  /** Mean entropy of a query's weights over that of equal weights. */
  readonly entropy: number | null;
  /** Share of queries with a weight above 0.99, and of those without a number or with all keys masked. */
  readonly sharp: number | null;
  readonly masked: number;
  /** Mean distance of what a query looks at; null where no query has a place. */
  readonly distance: number | null;
  readonly flags: readonly AttentionFlag[];
}

/** What a block did with the testcases. */
export interface BlockMeasures extends AttentionBlock {
  readonly unit: 'pixels' | 'places';
  /** Of the first testcase. */
  readonly queries: number;
  readonly keys: number;
  /** The largest ‖output − skip‖ / ‖skip‖; null where the branch is not found. */
  readonly effect: number | null;
  readonly heads: readonly HeadMeasures[];
}

/** Measures of all blocks, and the weights of the shown testcases, by testcase and block. */
export interface AttentionMeasures {
  readonly blocks: readonly BlockMeasures[];
  readonly weights: readonly (readonly HeadWeights[])[];
}

/** Most that weights of a query may differ from a sum of 1, in single and in half precision. */
export const SUM_TOLERANCE = { single: 1e-3, half: 1e-2 } as const;

/** Share of queries from which a head counts as collapsed, and effect below which a block counts as dead. */
const COLLAPSED_SHARE = 0.99;
const DEAD_EFFECT = 1e-6;

/**
 * Measures each head of some blocks over testcases, which are run one by one: heads may be joined with the batch.
 *
 * @param onStep called after each run, with the share that is done
 * @throws Error where the runtime fails, or weights are not of two axes at least
 */
export async function measureAttention(
  model: BatchedModel,
  { blocks, testcases, pictures, shown }: AttentionRequest,
  onStep: (share?: number) => void,
): Promise<AttentionMeasures> {
  const shownAnyway = new Set([...model.model.outputs, ...model.model.inputs.map(({ name }) => name)]);
  const watched = [...new Set(blocks.flatMap(tensorsOf))].filter((name) => !shownAnyway.has(name));
  const totals = blocks.map(() => new BlockTotals());
  const weights: HeadWeights[][] = [];
  for (const [i, testcase] of testcases.entries()) {
    const { inputs, outputs, activations } = await model.run(packBatch([testcase]), 1, watched);
    const byName = new Map([...inputs, ...outputs, ...activations].map((tensor) => [tensor.name, tensor]));
    const found = blocks.map((block, n) => totals[n].add(block, byName, pictures[i]));
    if (i < shown) weights.push(found);
    onStep((i + 1) / testcases.length);
  }
  const isHalf = model.model.half !== undefined;
  return { blocks: blocks.map((block, n) => ({ ...block, ...totals[n].finish(isHalf) })), weights };
}

/** Tensors that are watched of a block. */
function tensorsOf({ weights, scores, mask, branch }: AttentionBlock): string[] {
  return [
    weights,
    ...(mask === undefined ? [] : [scores]),
    ...(branch === undefined ? [] : [branch.skip, branch.output]),
  ];
}

/** Sums over testcases, by head. */
class BlockTotals {
  readonly #heads: HeadSums[] = [];
  #effect: number | null = null;
  #queries = 0;
  #keys = 0;
  #unit: 'pixels' | 'places' = 'places';
  #isHalf = false;

  add(
    block: AttentionBlock,
    tensors: ReadonlyMap<string, BatchTensor>,
    picture: AttentionRequest['pictures'][number],
  ): HeadWeights {
    const tensor = required(tensors, block.weights);
    const weights = headWeights(tensor.type, tensor.data, shapeOf(tensor), block.axes);
    const grid = placeGrid(weights.queries, weights.keys, picture);
    const scores =
      block.mask === undefined ? undefined : scoresLike(weights, required(tensors, block.scores));
    this.#isHalf ||= tensor.type === 'float16';
    this.#unit = grid.unit;
    if (this.#heads.length === 0) [this.#queries, this.#keys] = [weights.queries, weights.keys];
    for (let head = 0; head < weights.heads; head++) {
      const sums = headSums(weights, head, scores, grid);
      const known = this.#heads[head];
      if (known === undefined) this.#heads[head] = sums;
      else addSums(known, sums);
    }
    if (block.branch !== undefined) {
      const effect = effectOf(
        required(tensors, block.branch.output),
        tensors.get(block.branch.skip) ?? undefined,
      );
      if (effect !== undefined) this.#effect = Math.max(this.#effect ?? 0, effect);
    }
    return weights;
  }

  finish(isHalf: boolean): Pick<BlockMeasures, 'unit' | 'queries' | 'keys' | 'effect' | 'heads'> {
    const tolerance = isHalf || this.#isHalf ? SUM_TOLERANCE.half : SUM_TOLERANCE.single;
    const isDead = this.#effect !== null && this.#effect < DEAD_EFFECT;
    return {
      unit: this.#unit,
      queries: this.#queries,
      keys: this.#keys,
      effect: this.#effect,
      heads: this.#heads.map((sums, head) => measuresOf(sums, head, this.#keys, tolerance, isDead)),
    };
  }
}

function measuresOf(
  { rows, masked, sumError, entropy, sharp, distance, placed }: HeadSums,
  head: number,
  keys: number,
  tolerance: number,
  isDead: boolean,
): HeadMeasures {
  const counted = rows - masked;
  const sharpShare = counted === 0 ? null : sharp / counted;
  return {
    head,
    sumError: counted === 0 ? null : sumError,
    entropy: counted === 0 ? null : entropy / counted,
    sharp: sharpShare,
    masked: masked / rows,
    distance: placed === 0 ? null : distance / placed,
    flags: [
      ...(counted > 0 && sumError > tolerance ? (['law'] as const) : []),
      ...(masked > 0 ? (['masked'] as const) : []),
      ...(keys > 1 && sharpShare !== null && sharpShare >= COLLAPSED_SHARE ? (['collapsed'] as const) : []),
      ...(isDead ? (['dead'] as const) : []),
    ],
  };
}

function addSums(to: HeadSums, from: HeadSums): void {
  to.rows += from.rows;
  to.masked += from.masked;
  to.sumError = Math.max(to.sumError, from.sumError);
  to.entropy += from.entropy;
  to.sharp += from.sharp;
  to.distance += from.distance;
  to.placed += from.placed;
}

/** Scores in the order of the weights, which the softmax gives behind its own axes; undefined where their form differs. */
export function scoresLike(weights: HeadWeights, tensor: BatchTensor): HeadWeights | undefined {
  const shape = shapeOf(tensor);
  if (tensor.size !== weights.values.length) return undefined;
  const [rows, columns] = shape.slice(-2);
  // A softmax reads keys last.
  const isLast = columns === weights.keys && rows === weights.queries;
  return isLast ? headWeights(tensor.type, tensor.data, shape, { query: -2, key: -1 }) : undefined;
}

/** Shape of a row; of heads that are joined with the batch, without that axis. */
function shapeOf({ name, shape }: BatchTensor): readonly number[] {
  if (shape.length >= 2) return shape;
  throw new Error(
    `the attention weights in ${name} have ${shape.length} axes in a row, and two at least are needed`,
  );
}

/** ‖output − skip‖ / ‖skip‖; undefined where the two have different sizes. */
function effectOf(output: BatchTensor, skip: BatchTensor | undefined): number | undefined {
  if (skip === undefined || skip.size !== output.size) return undefined;
  let change = 0;
  let length = 0;
  for (let i = 0; i < output.size; i++) {
    const without = readNumber(skip.type, skip.data, i);
    change += (readNumber(output.type, output.data, i) - without) ** 2;
    length += without ** 2;
  }
  if (change === 0) return 0;
  return length === 0 ? Number.POSITIVE_INFINITY : Math.sqrt(change / length);
}

function required(tensors: ReadonlyMap<string, BatchTensor>, name: string): BatchTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`the model has no tensor ${name}`);
  return tensor;
}
