import type { BatchedModel } from '../../model/batched-model.ts';
import { packBatch, type TestcaseBatch } from '../../model/testcase-batch.ts';
import { FixedValues, largestOf, type ReadWeight, readWeight } from './measure-spectra.ts';
import { subtractMatrices } from './weight-matrix.ts';
import { findWeightOperands, type WeightOperand } from './weight-operands.ts';

/** How far a weight of a copy differs from the one of the reference. */
export interface WeightDifference {
  readonly weight: string;
  readonly layer: string;
  readonly op: string;
  /** The name that the weight has in the copy. */
  readonly copy: string;
  readonly rows: number;
  readonly columns: number;
  /** The largest singular value of the reference's weight, and of the difference; null where a weight is not finite. */
  readonly sigma: number | null;
  readonly difference: number | null;
  /** The second over the first: how much the layer may differ in the worst direction, in lengths of its largest result. */
  readonly ratio: number | null;
}

/** Weights of two models, by how far they differ. */
export interface WeightComparison {
  /** Those that belong together, the largest ratio first, those that are not finite before all. */
  readonly weights: readonly WeightDifference[];
  /** Weights of the reference and of the copy that have no counterpart, or cannot be read. */
  readonly unmatched: readonly string[];
  readonly unmatchedInCopy: readonly string[];
}

interface Weight extends ReadWeight {
  readonly operand: WeightOperand;
  /** Equal for weights that can be subtracted. */
  readonly form: string;
}

/**
 * Compares the weights of a model with those of its second model. They belong together by their names, else by the names of the operations
 * that read them, else in their order among those of one size.
 *
 * @param testcase a run of it shows weights that are computed from constants, such as those of quantized copies
 * @throws Error where there is no second model
 */
export async function compareSpectra(
  batched: BatchedModel,
  testcase: TestcaseBatch | undefined,
  onStep: (share?: number) => void,
): Promise<WeightComparison> {
  const { model } = batched;
  const { secondModel } = model;
  if (secondModel === undefined) throw new Error('there is no second model');
  const feeds = testcase && batched.feeds(packBatch([testcase]), 1);
  const reference = await weightsOf(model, feeds);
  const copy = await weightsOf(secondModel.model, feeds && secondModel.feeds(feeds));
  const pairs = matched(reference.weights, copy.weights);
  const found: WeightDifference[] = [];
  for (const [a, b] of pairs) {
    onStep(found.length / pairs.size);
    found.push(differenceOf(a, b, onStep));
  }
  const paired = new Set(pairs.values());
  const rank = ({ ratio }: WeightDifference): number => ratio ?? Number.POSITIVE_INFINITY;
  return {
    weights: found.sort((a, b) => rank(b) - rank(a) || 0),
    unmatched: [...reference.unread, ...reference.weights.filter((weight) => !pairs.has(weight)).map(nameOf)],
    unmatchedInCopy: [...copy.unread, ...copy.weights.filter((weight) => !paired.has(weight)).map(nameOf)],
  };
}

/** The weights of a model that can be read, and the names of the others. */
async function weightsOf(
  model: BatchedModel['model'],
  feeds: Parameters<typeof FixedValues.read>[1],
): Promise<{ readonly weights: readonly Weight[]; readonly unread: readonly string[] }> {
  const seen = new Set<string>();
  const operands = findWeightOperands(model.graph).filter(
    ({ tensor }) => !seen.has(tensor) && seen.add(tensor),
  );
  const values = await FixedValues.read(model, feeds, operands, undefined);
  const weights: Weight[] = [];
  const unread: string[] = [];
  for (const operand of operands) {
    const read = readWeight(operand, values);
    if ('why' in read) unread.push(operand.tensor);
    else {
      const { count, rows, columns } = read.matrices;
      weights.push({ ...read, operand, form: `${count}×${rows}×${columns}` });
    }
  }
  return { weights, unread };
}

function nameOf({ operand }: Weight): string {
  return operand.tensor;
}

/** The copy's weight for those of the reference that have a counterpart. */
function matched(reference: readonly Weight[], copy: readonly Weight[]): Map<Weight, Weight> {
  const pairs = new Map<Weight, Weight>();
  const left = new Set(copy);
  const pair = (a: Weight, b: Weight | undefined): void => {
    if (b === undefined || pairs.has(a)) return;
    pairs.set(a, b);
    left.delete(b);
  };
  const keys = [nameOf, ({ operand }: Weight): string => operand.node.name];
  for (const key of keys)
    for (const a of reference)
      pair(
        a,
        [...left].find((b) => b.form === a.form && key(b) === key(a)),
      );
  for (const form of new Set(reference.map((weight) => weight.form))) {
    const of = reference.filter((weight) => weight.form === form && !pairs.has(weight));
    const others = [...left].filter((weight) => weight.form === form);
    if (of.length === others.length) of.forEach((a, i) => void pair(a, others[i]));
  }
  return pairs;
}

function differenceOf(a: Weight, b: Weight, onStep: () => void): WeightDifference {
  const { tensor: weight, node } = a.operand;
  const { rows, columns, values } = a.matrices;
  const common = { weight, layer: node.name, op: node.op, copy: b.operand.tensor, rows, columns };
  if (values.length === 0 || !values.every(Number.isFinite) || !b.matrices.values.every(Number.isFinite))
    return { ...common, sigma: null, difference: null, ratio: null };
  const { sigma } = largestOf(a.matrices, weight, onStep).value;
  const { sigma: difference } = largestOf(subtractMatrices(a.matrices, b.matrices), weight, onStep).value;
  const ratio = difference === 0 ? 0 : difference / sigma;
  return { ...common, sigma, difference, ratio: Number.isFinite(ratio) ? ratio : null };
}
