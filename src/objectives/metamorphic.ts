import { UserError } from '../core/errors.ts';
import { formatNumber } from '../core/format-number.ts';
import type { ParameterValues } from '../extensions/parameters.ts';
import type { BatchTensor } from '../model/batched-model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import type { SideLabels } from './class-disagreement.ts';
import type { Comparator } from './comparators/comparator.ts';
import { makeComparator } from './comparators/registry.ts';
import { DISAGREEMENT_PARAMETERS, DISAGREEMENT_WORDS, disagreementRules } from './disagreement-parameters.ts';
import { elementName } from './element-name.ts';
import { logMargin, UNKNOWN_MARGIN } from './margin.ts';
import {
  type JudgedBatch,
  type MarginSlope,
  type Objective,
  type ObjectiveKind,
  slug,
  type Violation,
} from './objective.ts';
import { RowReader } from './output-difference.ts';
import { OutputDisagreement } from './output-disagreement.ts';

/** The sides of a change, which is named as the user wrote it. */
function labelsOf(change: readonly string[]): SideLabels {
  const name = change.join(' + ');
  return {
    reference: `before ${name}`,
    second: `after ${name}`,
    describeClasses: ({ where, reference, second, referenceValues, secondValues }) =>
      `Class changes from ${reference} to ${second} after ${name} (${where}: ${referenceValues} before, ${secondValues} after)`,
  };
}

/** Unit of the margin, relative to the values: rounding differences lie below it. */
const MARGIN_UNIT = 2 ** -20;

/** Output value that moves furthest in the forbidden direction. */
interface WrongMove {
  readonly output: BatchTensor;
  readonly index: number;
  readonly before: number;
  readonly after: number;
  /** How far it moves beyond the slack; above 0 is a violation. */
  readonly excess: number;
}

/**
 * Metamorphic testing: the model runs on each testcase (source input) and on a transformed copy (follow-up input). The
 * outputs must agree, or no value may move in the forbidden direction. The transform depends on the testcase's values
 * alone, so that a finding can be reproduced.
 */
class Metamorphic implements Objective {
  readonly name: string;
  readonly change: readonly string[];
  readonly isTwoSided: boolean;
  readonly #disagreement: OutputDisagreement | undefined;
  readonly #direction: 1 | -1 | undefined;
  readonly #slack: number;
  readonly #originalReader = new RowReader();
  readonly #transformedReader = new RowReader();

  constructor(
    name: string,
    values: ParameterValues,
    change: readonly string[],
    comparator: Comparator | undefined,
  ) {
    this.name = `metamorphic-${name}`;
    this.change = change;
    const [rises, falls] = [values(RISES), values(FALLS)];
    if (rises !== undefined && falls !== undefined)
      throw new UserError('--objective: metamorphic takes rises or falls, not both');
    if (comparator !== undefined && (rises !== undefined || falls !== undefined))
      throw new UserError(
        '--objective: metamorphic takes rises or falls, or by, not both: these judge each value by itself',
      );
    this.#direction = rises === undefined ? (falls === undefined ? undefined : -1) : 1;
    this.#slack = values(SLACK);
    this.#disagreement =
      this.#direction === undefined
        ? new OutputDisagreement(this.name, disagreementRules(values, false, comparator !== undefined), {
            kind: 'metamorphic',
            labels: labelsOf(change),
            comparator,
          })
        : undefined;
    this.isTwoSided = this.#disagreement !== undefined;
  }

  breaksSeed(): boolean {
    return true;
  }

  refuses(run: JudgedBatch): string | undefined {
    if (run.transformed === undefined)
      return run.transformedError === undefined ? 'cannot change its inputs' : undefined;
    if (this.#disagreement !== undefined) return this.#disagreement.refuses(asModelPair(run));
    const hasFloats = run.outputs.some(isFloat);
    return hasFloats ? undefined : 'needs an output of floating-point numbers to move up or down';
  }

  judge(run: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    if (run.transformedError !== undefined) {
      report(
        0,
        this.#makeViolation(
          'crash',
          `the runtime fails after ${this.change.join(' + ')}: ${run.transformedError}`,
          {
            message: run.transformedError,
          },
        ),
      );
      return;
    }
    if (run.transformed === undefined) return;
    if (this.#disagreement !== undefined) {
      this.#disagreement.judge(asModelPair(run), report);
      return;
    }
    for (let row = 0; row < run.rows; row++) {
      const worst = this.#findWorst(run, row);
      if (worst === undefined || !(worst.excess > 0)) continue;
      const { output, index, before, after } = worst;
      const where = elementName(output.name, output.size, index);
      const [moved, expected] = this.#direction === 1 ? ['falls', 'not fall'] : ['rises', 'not rise'];
      report(
        row,
        this.#makeViolation(
          slug(output.name),
          `${where} ${moved} from ${formatNumber(before)} to ${formatNumber(after)} after ${this.change.join(' + ')}, but must ${expected}`,
          { output: output.name, index, before, after },
        ),
      );
    }
  }

  margins(run: JudgedBatch, row: number, out: Float64Array): number {
    if (this.#disagreement !== undefined) return this.#disagreement.margins(asModelPair(run), row, out);
    const worst = run.transformed === undefined ? undefined : this.#findWorst(run, row);
    if (worst === undefined) out[0] = UNKNOWN_MARGIN;
    else {
      const { excess, before, after } = worst;
      const unit = MARGIN_UNIT * (Math.abs(before) + Math.abs(after)) + Number.MIN_VALUE;
      out[0] = excess > 0 ? 0 : logMargin(-excess, unit);
    }
    return 1;
  }

  marginSlope(run: JudgedBatch, row: number, index: number, rank?: number): MarginSlope | undefined {
    if (this.#disagreement !== undefined)
      return this.#disagreement.marginSlope(asModelPair(run), row, index, rank);
    const worst = run.transformed === undefined ? undefined : this.#findWorst(run, row);
    if (worst === undefined) return undefined;
    const { output, index: element, excess } = worst;
    const slope = new Float32Array(output.size);
    slope[element] = -(this.#direction ?? 1);
    return {
      distance: -excess,
      tensors: new Map([[output.name, slope]]),
      transformed: new Map([[output.name, slope.map((value) => -value)]]),
    };
  }

  #findWorst({ outputs, transformed }: JudgedBatch, row: number): WrongMove | undefined {
    let worst: WrongMove | undefined;
    for (const output of outputs.filter(isFloat)) {
      const followUp = transformed?.outputs.find(({ name }) => name === output.name);
      if (followUp === undefined) continue;
      const [a, b] = [this.#originalReader.read(output, row), this.#transformedReader.read(followUp, row)];
      for (let index = 0; index < Math.min(a.length, b.length); index++) {
        const [before, after] = [a[index], b[index]];
        const excess = (this.#direction ?? 1) * (before - after) - this.#slack;
        if (Number.isNaN(excess) || (worst !== undefined && excess <= worst.excess)) continue;
        worst = { output, index, before, after, excess };
      }
    }
    return worst;
  }

  #makeViolation(kind: string, summary: string, details: Violation['details']): Violation {
    return {
      objective: 'metamorphic',
      signature: `${this.name}-${kind}`,
      summary,
      tensors: [],
      details: { change: this.change, ...details },
    };
  }
}

function isFloat({ type }: BatchTensor): boolean {
  return DTYPES[type].kind === 'float';
}

/** Presents the outputs for the follow-up inputs as those of a second model, so that `OutputDisagreement` can judge. */
function asModelPair(run: JudgedBatch): JudgedBatch {
  return { ...run, secondOutputs: run.transformed?.outputs ?? [] };
}

const RISES = {
  name: 'rises',
  help: '1: no output value may fall after the change',
  min: 1,
  max: 1,
  integer: true,
} as const;

const FALLS = {
  name: 'falls',
  help: '1: no output value may rise after the change',
  min: 1,
  max: 1,
  integer: true,
} as const;

const SLACK = {
  name: 'slack',
  default: 0,
  help: 'allowed move in the wrong direction',
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

export const metamorphic: ObjectiveKind = {
  name: 'metamorphic',
  help: 'a change of the input after which the output must stay the same, as in metamorphic:brightness:most=0.1, or must move in one direction',
  parameters: [...DISAGREEMENT_PARAMETERS, RISES, FALLS, SLACK],
  words: DISAGREEMENT_WORDS,
  breaksSeeds: true,
  text: 'mutator specs joined by +; input=spec for one of several inputs',
  make(values, { text, name, words }) {
    const change = text
      .replace(/^change=/, '')
      .split('+')
      .map((spec) => spec.trim())
      .filter(Boolean);
    if (change.length === 0)
      throw new UserError(
        '--objective: metamorphic needs a change that should not matter, such as metamorphic:brightness:most=0.1; neurofuzz mutators lists them',
      );
    const comparator = words.by === undefined ? undefined : makeComparator(words.by);
    return new Metamorphic(name === '' ? slug(change.join('_')) : name, values, change, comparator);
  },
};
