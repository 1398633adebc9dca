import type { ObjectiveValues } from '../extensions/parameters.ts';
import type { RowTensor } from '../model/batched-model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import {
  instanceName,
  type Objective,
  type ObjectiveKind,
  type Run,
  SIDES,
  slug,
  type Violation,
} from './objective.ts';
import { greatest, isAmong, isDistribution, logNorm, logShare, RowReader } from './output-difference.ts';

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
  readonly name: string;
  readonly labelled = true;
  readonly excuses = 'are classified otherwise than their labels say to begin with';
  readonly #top: number;
  /** Least share of the softmax that another class must have, and whether that much is enough. */
  readonly #sure: number;
  readonly #reader = new RowReader();

  constructor(name: string, { top = 1, confident = 0, abstain = 0 }: ObjectiveValues) {
    this.name = name;
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
      if (!this.#isBehind(values, label, best)) continue;
      const share = Math.exp(logSharesOf(values)(best));
      if (share < this.#sure) continue;
      report(row, {
        objective: 'misclassified',
        signature: `${this.name}-${slug(output.name)}`,
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

  /** Whether the label is not among the best, and the best one is ahead of it. */
  #isBehind(values: Float64Array, label: number, best: number): boolean {
    return values[best] > values[label] && !isAmong(values, 0, values.length, label, this.#top);
  }

  /** Of each other class how far it is from winning: doublings of the gap between them, and of what it lacks in confidence. */
  margins(run: Run, row: number, out: Float64Array): number {
    out.fill(Number.POSITIVE_INFINITY, 0, MOST_CLASSES);
    const output = classesOf(run);
    const label = run.labels?.[row] ?? -1;
    if (output === undefined || label < 0) return MOST_CLASSES;
    const values = this.#reader.read(output, row);
    const shares = logSharesOf(values);
    const own = shares(label);
    const least = Math.log(this.#sure);
    const best = greatest(values);
    const isWrong = this.#isBehind(values, label, best) && Math.exp(shares(best)) >= this.#sure;
    for (let k = 0; k < values.length; k++) {
      if (k === label) continue;
      const share = shares(k);
      const missing = Math.max(own - share, least - share, 0);
      const place = k % MOST_CLASSES;
      if (missing < out[place]) out[place] = missing;
    }
    for (let place = 0; place < MOST_CLASSES; place++)
      out[place] = Math.max(LEAST_MARGIN, Math.log2(1 + out[place] / UNIT));
    if (isWrong) out[best % MOST_CLASSES] = 0;
    return MOST_CLASSES;
  }
}

/** The output that tells classes: the first of floating-point numbers with several for each testcase. */
function classesOf({ outputs }: Run): RowTensor | undefined {
  return outputs.find(({ type, size }) => DTYPES[type].kind === 'float' && size > 1);
}

/** Logarithms of the shares of the softmax by class. */
function logSharesOf(values: Float64Array): (at: number) => number {
  const areShares = isDistribution(values);
  const norm = logNorm(values, 0, values.length, areShares);
  return (at) => logShare(values[at], areShares) - norm;
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
  make: ({ values, name }) => new Misclassified(instanceName('misclassified', name), values),
};
