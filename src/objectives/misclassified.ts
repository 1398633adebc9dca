import { UserError } from '../core/errors.ts';
import { formatNumber } from '../core/format-number.ts';
import type { BatchTensor } from '../model/batched-model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import { className, namedClasses } from './class-name.ts';
import { classSlope } from './class-slope.ts';
import { logMargin, UNKNOWN_MARGIN } from './margin.ts';
import {
  instanceName,
  type JudgedBatch,
  type MarginSlope,
  type Objective,
  type ObjectiveKind,
  slug,
  TWO_SIDED_MARGINS,
  type Violation,
} from './objective.ts';
import { argmax, isDistribution, isInTop, logSumExp, RowReader, toLogit } from './output-difference.ts';

/** Classes with a margin of their own; class k shares that of class k mod this. */
const MAX_CLASSES = TWO_SIDED_MARGINS / 2;

/** Unit of the margin: nats of the gap between two classes' log-probabilities. */
const MARGIN_UNIT = 2 ** -20;

/**
 * Adversarial example: the model predicts another class than the seed's label, although the constraint keeps the mutant
 * so close to its seed that the true class is the same. `confident` counts only predictions of at least that
 * probability; `abstain` treats those below the bound as no prediction; `to` counts only some classes.
 */
class Misclassified implements Objective {
  readonly name: string;
  readonly labelled = true;
  readonly seedExemption = 'are misclassified before any mutation';
  readonly #top: number;
  /** Smallest softmax probability of the wrong class that counts. */
  readonly #minConfidence: number;
  /** Wrong classes that count; undefined for all. */
  readonly #targets: ReadonlySet<number> | undefined;
  readonly #reader = new RowReader();

  constructor(name: string, top: number, minConfidence: number, targets: ReadonlySet<number> | undefined) {
    this.name = name;
    this.#top = top;
    this.#minConfidence = minConfidence;
    this.#targets = targets;
  }

  breaksSeed(): boolean {
    return true;
  }

  refuses(run: JudgedBatch): string | undefined {
    const output = findClassOutput(run);
    const names = run.outputs.map(({ name }) => name).join(', ');
    if (output === undefined)
      return `needs an output with a value for each class, and there is none (${names})`;
    const count = output.size;
    const known = `knows ${count} classes from ${output.name}`;
    const outOfRange = Array.from(run.labels ?? []).find((label) => label >= count);
    if (outOfRange !== undefined) return `${known}, and a label says ${outOfRange}`;
    const target = [...(this.#targets ?? [])].find((label) => label >= count);
    return target === undefined
      ? undefined
      : `${known}, and to names class ${target}: name one below ${count}`;
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
      if (!this.#isTarget(best) || !this.#isBehind(values, label, best)) continue;
      const confidence = Math.exp(logProbsOf(values)(best));
      if (confidence < this.#minConfidence) continue;
      report(row, {
        objective: 'misclassified',
        signature: `${this.name}-${slug(output.name)}`,
        summary: `Class ${className(output, best)} predicted for a seed of class ${className(output, label)} (${output.name}: ${formatNumber(values[best], 4)} vs ${formatNumber(values[label], 4)} for class ${className(output, label)}, confidence ${formatPercent(confidence)})`,
        tensors: [],
        details: {
          output: output.name,
          label,
          class: best,
          ...namedClasses(output, { label, class: best }),
          confidence,
          values: [values[label], values[best]],
        },
      });
    }
  }

  #isTarget(classIndex: number): boolean {
    return this.#targets === undefined || this.#targets.has(classIndex);
  }

  /** Whether the label is not among the top classes. A tie with the best class does not count as behind. */
  #isBehind(values: Float64Array, label: number, best: number): boolean {
    return values[best] > values[label] && !isInTop(values, 0, values.length, label, this.#top);
  }

  /**
   * One margin per wrong class: how far its log-probability is below the label's (with `to`, below the best class's, which it
   * must overtake too) or below the required confidence, whichever is further.
   */
  margins(run: JudgedBatch, row: number, out: Float64Array): number {
    out.fill(UNKNOWN_MARGIN, 0, MAX_CLASSES);
    const output = findClassOutput(run);
    const label = run.labels?.[row] ?? -1;
    if (output === undefined || label < 0) return MAX_CLASSES;
    const values = this.#reader.read(output, row);
    const logProbs = logProbsOf(values);
    const minLogProb = Math.log(this.#minConfidence);
    const best = argmax(values);
    const leaderLogProb = logProbs(this.#targets === undefined ? label : best);
    const isWrong =
      this.#isTarget(best) &&
      this.#isBehind(values, label, best) &&
      Math.exp(logProbs(best)) >= this.#minConfidence;
    for (let k = 0; k < values.length; k++) {
      if (k === label || !this.#isTarget(k)) continue;
      const logProb = logProbs(k);
      const missing = Math.max(leaderLogProb - logProb, minLogProb - logProb, 0);
      const index = k % MAX_CLASSES;
      if (missing < out[index]) out[index] = missing;
    }
    for (let index = 0; index < MAX_CLASSES; index++) out[index] = logMargin(out[index], MARGIN_UNIT);
    if (isWrong) out[best % MAX_CLASSES] = 0;
    return MAX_CLASSES;
  }

  /** That of the gap between the label (with `to`, the best class) and the nearest class that shares the margin. */
  marginSlope(run: JudgedBatch, row: number, index: number): MarginSlope | undefined {
    const output = findClassOutput(run);
    const label = run.labels?.[row] ?? -1;
    if (output === undefined || label < 0) return undefined;
    return classSlope(output, row, output.size, this.#reader, {
      isRival: (k) => k % MAX_CLASSES === index && this.#isTarget(k),
      ...(this.#targets === undefined ? { leaderOf: () => label } : {}),
    });
  }
}

/** The output with the class scores: the first float output with several values per testcase. */
export function findClassOutput({ outputs }: Pick<JudgedBatch, 'outputs'>): BatchTensor | undefined {
  return outputs.find(({ type, size }) => DTYPES[type].kind === 'float' && size > 1);
}

/** Log-probability by class: log-softmax, or the logarithm where the values are probabilities already. */
export function logProbsOf(values: Float64Array): (classIndex: number) => number {
  const areProbabilities = isDistribution(values);
  const norm = logSumExp(values, 0, values.length, areProbabilities);
  return (classIndex) => toLogit(values[classIndex], areProbabilities) - norm;
}

function formatPercent(fraction: number): string {
  return `${formatNumber(100 * fraction, 3)} %`;
}

const TOP = {
  name: 'top',
  default: 1,
  help: 'the label must be in the top N classes',
  min: 1,
  max: 1e6,
  integer: true,
} as const;

const CONFIDENT = {
  name: 'confident',
  default: 0,
  help: 'minimum softmax share of the wrong class',
  min: 0,
  max: 1,
} as const;

const ABSTAIN = {
  name: 'abstain',
  default: 0,
  help: 'a prediction below this softmax share is ignored',
  min: 0,
  max: 1,
} as const;

/** Legal classes of a wrong answer, in specs. */
const TARGET_CLASSES = { to: { help: 'classes that count as wrong, by number, such as to=3+5' } };

export const misclassified: ObjectiveKind = {
  name: 'misclassified',
  help: 'a class that differs from the label of the seed; needs --labels and a constraint',
  parameters: [TOP, CONFIDENT, ABSTAIN],
  words: TARGET_CLASSES,
  breaksSeeds: true,
  make(values, { name, words }) {
    const minConfidence = Math.max(values(CONFIDENT), values(ABSTAIN));
    const targets = words.to === undefined ? undefined : parseTargets(words.to);
    return new Misclassified(instanceName('misclassified', name), values(TOP), minConfidence, targets);
  },
};

/** A wrong class within the limits that a defence is claimed to hold in; the name tells by which attack. */
export const defence = wrongClass(
  'defence',
  'a wrong class within the limits of a defence, as audit-defense finds it; needs --labels and a constraint',
);

const BELOW = {
  name: 'below',
  default: 0,
  help: 'counts where the largest softmax share is below this, in place of a wrong class',
  min: 0,
  max: 1,
} as const;

const gives = wrongClass(
  'universal',
  'a class that one change for all inputs leads to, as reprogram finds it; needs --labels and a constraint',
);

/** A class that one change gives to inputs of other classes, or none of which the model is sure; the name tells which. */
export const universal: ObjectiveKind = {
  ...gives,
  parameters: [BELOW],
  make(values, context) {
    const below = values(BELOW);
    return below === 0
      ? gives.make(values, context)
      : new Unsure(instanceName('universal', context.name), below);
  },
};

/** Inputs for which the largest softmax share is below a bound. */
class Unsure implements Objective {
  readonly name: string;
  readonly labelled = true;
  readonly seedExemption = 'give no class of which the model is sure before any mutation';
  readonly #below: number;
  readonly #reader = new RowReader();

  constructor(name: string, below: number) {
    this.name = name;
    this.#below = below;
  }

  breaksSeed(): boolean {
    return true;
  }

  refuses(run: JudgedBatch): string | undefined {
    return findClassOutput(run) === undefined
      ? 'needs an output with a value for each class, and there is none'
      : undefined;
  }

  judge(run: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    const output = findClassOutput(run);
    if (output === undefined) return;
    for (let row = 0; row < run.rows; row++) {
      const values = this.#reader.read(output, row);
      if (values.some(Number.isNaN)) continue;
      const best = argmax(values);
      const confidence = Math.exp(logProbsOf(values)(best));
      if (confidence >= this.#below) continue;
      report(row, {
        objective: 'universal',
        signature: this.name,
        summary: `No class above ${formatPercent(this.#below)}: class ${className(output, best)} has ${formatPercent(confidence)} (${output.name})`,
        tensors: [],
        details: { output: output.name, class: best, confidence },
      });
    }
  }
}

/** A wrong class under a signature that its name gives. */
function wrongClass(kind: string, help: string): ObjectiveKind {
  return {
    name: kind,
    help,
    parameters: [],
    words: TARGET_CLASSES,
    breaksSeeds: true,
    make(values, context) {
      const wrong = misclassified.make(values, context);
      const name = instanceName(kind, context.name);
      return {
        name,
        labelled: true,
        breaksSeed: () => true,
        refuses: (run) => wrong.refuses?.(run),
        judge(run, report) {
          wrong.judge(run, (row, violation) =>
            report(row, { ...violation, objective: kind, signature: name }),
          );
        },
        margins: (run, row, out) => wrong.margins?.(run, row, out) ?? 0,
        marginSlope: (run, row, index) => wrong.marginSlope?.(run, row, index),
      };
    },
  };
}

/** @throws UserError on a text that is not a list of classes */
function parseTargets(text: string): ReadonlySet<number> {
  if (/^\d+(?:\+\d+)*$/.test(text)) return new Set(text.split('+').map(Number));
  throw new UserError(
    `--objective: misclassified:to must be numbers of classes such as to=3+5, not '${text}'`,
  );
}
