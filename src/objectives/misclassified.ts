import type { BatchTensor } from '../model/batched-model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import {
  instanceName,
  type JudgedBatch,
  type Objective,
  type ObjectiveKind,
  slug,
  TWO_SIDED_MARGINS,
  type Violation,
} from './objective.ts';
import { argmax, isDistribution, isInTop, logSumExp, RowReader, toLogit } from './output-difference.ts';

/** Classes that margins tell apart; more share them. */
const MAX_CLASSES = TWO_SIDED_MARGINS / 2;

/** The margin of what is as near as can be and still no violation. */
const MIN_MARGIN = 2 ** -20;

/** Doublings of the gap between two classes are counted above this much. */
const MARGIN_UNIT = 2 ** -20;

/**
 * Another class than the one that the seed shows, which a change within the constraint leaves as it is. With `confident`
 * the model must be sure of the other class; with `abstain` an answer below the bound counts as none.
 */
class Misclassified implements Objective {
  readonly name: string;
  readonly labelled = true;
  readonly seedExemption = 'are classified otherwise than their labels say to begin with';
  readonly #top: number;
  /** Least share of the softmax that another class must have, and whether that much is enough. */
  readonly #minConfidence: number;
  readonly #reader = new RowReader();

  constructor(name: string, top: number, minConfidence: number) {
    this.name = name;
    this.#top = top;
    this.#minConfidence = minConfidence;
  }

  refuses(run: JudgedBatch): string | undefined {
    const output = findClassOutput(run);
    const names = run.outputs.map(({ name }) => name).join(', ');
    if (output === undefined)
      return `needs an output with a value for each class, and there is none (${names})`;
    const count = output.size;
    const wrong = Array.from(run.labels ?? []).find((label) => label >= count);
    return wrong === undefined
      ? undefined
      : `knows ${count} classes from ${output.name}, and a label says ${wrong}`;
  }

  judge(run: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    const output = findClassOutput(run);
    if (output === undefined || run.labels === undefined) return;
    for (let row = 0; row < run.rows; row++) {
      const label = run.labels[row];
      if (label < 0) continue;
      const values = this.#reader.read(output, row);
      if (values.some(Number.isNaN)) continue;
      const best = argmax(values);
      if (!this.#isBehind(values, label, best)) continue;
      const share = Math.exp(logProbsOf(values)(best));
      if (share < this.#minConfidence) continue;
      report(row, {
        objective: 'misclassified',
        signature: `${this.name}-${slug(output.name)}`,
        summary: `${output.name} says ${best} (${formatShort(values[best])}) of a seed that shows ${label} (${formatShort(values[label])}), with ${formatPercent(share)} of the softmax`,
        tensors: [],
        details: {
          output: output.name,
          label,
          class: best,
          confidence: share,
          values: [values[label], values[best]],
        },
      });
    }
  }

  /** Whether the label is not among the best, and the best one is ahead of it. */
  #isBehind(values: Float64Array, label: number, best: number): boolean {
    return values[best] > values[label] && !isInTop(values, 0, values.length, label, this.#top);
  }

  /** Of each other class how far it is from winning: doublings of the gap between them, and of what it lacks in confidence. */
  margins(run: JudgedBatch, row: number, out: Float64Array): number {
    out.fill(Number.POSITIVE_INFINITY, 0, MAX_CLASSES);
    const output = findClassOutput(run);
    const label = run.labels?.[row] ?? -1;
    if (output === undefined || label < 0) return MAX_CLASSES;
    const values = this.#reader.read(output, row);
    const shares = logProbsOf(values);
    const own = shares(label);
    const least = Math.log(this.#minConfidence);
    const best = argmax(values);
    const isWrong = this.#isBehind(values, label, best) && Math.exp(shares(best)) >= this.#minConfidence;
    for (let k = 0; k < values.length; k++) {
      if (k === label) continue;
      const share = shares(k);
      const missing = Math.max(own - share, least - share, 0);
      const place = k % MAX_CLASSES;
      if (missing < out[place]) out[place] = missing;
    }
    for (let place = 0; place < MAX_CLASSES; place++)
      out[place] = Math.max(MIN_MARGIN, Math.log2(1 + out[place] / MARGIN_UNIT));
    if (isWrong) out[best % MAX_CLASSES] = 0;
    return MAX_CLASSES;
  }
}

/** The output that tells classes: the first of floating-point numbers with several for each testcase. */
function findClassOutput({ outputs }: JudgedBatch): BatchTensor | undefined {
  return outputs.find(({ type, size }) => DTYPES[type].kind === 'float' && size > 1);
}

/** Logarithms of the shares of the softmax by class. */
function logProbsOf(values: Float64Array): (at: number) => number {
  const areShares = isDistribution(values);
  const norm = logSumExp(values, 0, values.length, areShares);
  return (at) => toLogit(values[at], areShares) - norm;
}

function formatShort(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function formatPercent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}

const TOP = {
  name: 'top',
  default: 1,
  help: 'the label is not among so many of the best classes',
  min: 1,
  max: 1e6,
  integer: true,
} as const;

const CONFIDENT = {
  name: 'confident',
  default: 0,
  help: 'only where the other class has this share of the softmax',
  min: 0,
  max: 1,
} as const;

const ABSTAIN = {
  name: 'abstain',
  default: 0,
  help: 'an answer below this share of the softmax counts as none',
  min: 0,
  max: 1,
} as const;

export const misclassified: ObjectiveKind = {
  name: 'misclassified',
  help: 'another class than the seed shows, by labels; needs --labels and a constraint',
  parameters: [TOP, CONFIDENT, ABSTAIN],
  make(values, { name }) {
    const minConfidence = Math.max(values(CONFIDENT), values(ABSTAIN));
    return new Misclassified(instanceName('misclassified', name), values(TOP), minConfidence);
  },
};
