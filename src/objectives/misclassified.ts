import type { RowTensor } from '../models/rows.ts';
import { DTYPES } from '../models/tensor.ts';
import { greatest, isAmong, isDistribution, logShare, RowReader } from './difference.ts';
import { type Objective, type ObjectiveKind, type Run, SIDES, slug, type Violation } from './objective.ts';
import type { ObjectiveValues } from './parameters.ts';

/** Classes that margins tell apart; more share them. */
const MOST_CLASSES = SIDES / 2;

/** The margin of what is as near as can be and still no violation. */
const LEAST_MARGIN = 2 ** -20;

/** Doublings of the gap between two classes are counted above this much. */
const UNIT = 2 ** -20;

/**
 * Another class than the one that the seed shows, which a change within the constraint leaves as it is. With `confident`
 * the model must be sure of the other class; with `abstain` an answer below the bound counts as none.
 */
class Misclassified implements Objective {
  readonly name = 'misclassified';
  readonly labelled = true;
  readonly excuses = 'are classified otherwise than their labels say to begin with';
  readonly #top: number;
  /** Least share of the softmax that another class must have, and whether that much is enough. */
  readonly #sure: number;
  readonly #reader = new RowReader();

  constructor({ top = 1, confident = 0, abstain = 0 }: ObjectiveValues) {
    this.#top = top;
    this.#sure = Math.max(confident, abstain);
  }

  refuses(run: Run): string | undefined {
    const output = classesOf(run);
    const names = run.outputs.map(({ name }) => name).join(', ');
    if (output === undefined)
      return `needs an output with a value for each class, and there is none (${names})`;
    const count = output.size;
    const wrong = Array.from(run.labels ?? []).find((label) => label >= count);
    return wrong === undefined
      ? undefined
      : `knows ${count} classes from ${output.name}, and a label says ${wrong}`;
  }

  judge(run: Run, report: (row: number, violation: Violation) => void): void {
    const output = classesOf(run);
    if (output === undefined || run.labels === undefined) return;
    for (let row = 0; row < run.rows; row++) {
      const label = run.labels[row];
      if (label < 0) continue;
      const values = this.#reader.read(output, row);
      if (values.some(Number.isNaN)) continue;
      const best = greatest(values);
      const share = shareOf(values, best);
      if (!this.#isWrong(values, label, best, share)) continue;
      report(row, {
        objective: 'misclassified',
        signature: `misclassified-${slug(output.name)}`,
        summary: `${output.name} says ${best} (${short(values[best])}) of a seed that shows ${label} (${short(values[label])}), with ${percent(share)} of the softmax`,
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

  #isWrong(values: Float64Array, label: number, best: number, share: number): boolean {
    const isBehind = !isAmong(values, 0, values.length, label, this.#top);
    return isBehind && values[best] > values[label] && share >= this.#sure;
  }

  /** Of each other class how far it is from winning: doublings of the gap between them, and of what it lacks in confidence. */
  margins(run: Run, row: number, out: Float64Array): number {
    out.fill(Number.POSITIVE_INFINITY, 0, MOST_CLASSES);
    const output = classesOf(run);
    const label = run.labels?.[row] ?? -1;
    if (output === undefined || label < 0) return MOST_CLASSES;
    const values = this.#reader.read(output, row);
    const areShares = isDistribution(values, 0, values.length);
    const own = logShare(values[label], areShares);
    const best = greatest(values);
    const isWrong = this.#isWrong(values, label, best, shareOf(values, best));
    const least = this.#sure > 0 ? Math.log(this.#sure) : Number.NEGATIVE_INFINITY;
    for (let k = 0; k < values.length; k++) {
      if (k === label) continue;
      const gap = own - logShare(values[k], areShares);
      const lacking = least - Math.log(shareOf(values, k));
      const missing = Math.max(gap, lacking);
      const margin =
        isWrong && k === best ? 0 : Math.max(LEAST_MARGIN, Math.log2(1 + Math.max(0, missing) / UNIT));
      const place = k % MOST_CLASSES;
      if (margin < out[place]) out[place] = margin;
    }
    return MOST_CLASSES;
  }
}

/** The output that tells classes: the first of floating-point numbers with several for each testcase. */
function classesOf({ outputs }: Run): RowTensor | undefined {
  return outputs.find(({ type, size }) => DTYPES[type].kind === 'float' && size > 1);
}

/** A class's share of the softmax; its own value where these are shares already. */
function shareOf(values: Float64Array, at: number): number {
  if (isDistribution(values, 0, values.length)) return values[at];
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) most = Math.max(most, value);
  let sum = 0;
  for (const value of values) sum += Math.exp(value - most);
  return Math.exp(values[at] - most) / sum;
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}

export const misclassified: ObjectiveKind = {
  name: 'misclassified',
  help: 'another class than the seed shows, by labels; needs --labels and a constraint',
  parameters: [
    {
      name: 'top',
      help: 'the label is not among so many of the best classes',
      between: [1, 1e6],
      whole: true,
    },
    { name: 'confident', help: 'only where the other class has this share of the softmax', between: [0, 1] },
    { name: 'abstain', help: 'an answer below this share of the softmax counts as none', between: [0, 1] },
  ],
  make: ({ values }) => new Misclassified(values),
};
