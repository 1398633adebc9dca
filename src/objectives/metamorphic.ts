import { UserError } from '../core/errors.ts';
import type { ParameterValues } from '../extensions/parameters.ts';
import type { BatchTensor } from '../model/batched-model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import { DISAGREEMENT_PARAMETERS, OutputDisagreement, type SideLabels } from './differential.ts';
import { type JudgedBatch, type Objective, type ObjectiveKind, slug, type Violation } from './objective.ts';
import { RowReader } from './output-difference.ts';

const LABELS: SideLabels = { reference: 'as it is', second: 'changed' };

/** The margin of what is as near as can be and still no violation. */
const MIN_MARGIN = 2 ** -20;

/** Doublings of a difference are counted above this share of the values. */
const MARGIN_UNIT = 2 ** -20;

/**
 * A change that should not matter, and does: the model runs on each testcase as it is and changed by a mutator, and
 * must answer alike, or move the way that is said. How a testcase is changed follows from its values alone.
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

  constructor(name: string, values: ParameterValues, change: readonly string[]) {
    this.name = `metamorphic-${name}`;
    this.change = change;
    const [rises, falls] = [values(RISES), values(FALLS)];
    if (rises !== undefined && falls !== undefined)
      throw new UserError('--objective: metamorphic takes rises or falls, not both');
    this.#direction = rises === undefined ? (falls === undefined ? undefined : -1) : 1;
    this.#slack = values(SLACK);
    this.#disagreement =
      this.#direction === undefined
        ? new OutputDisagreement(this.name, values, 'metamorphic', LABELS)
        : undefined;
    this.isTwoSided = this.#disagreement !== undefined;
  }

  refuses(run: JudgedBatch): string | undefined {
    if (run.transformed === undefined)
      return run.transformedError === undefined ? 'cannot change its inputs' : undefined;
    if (this.#disagreement !== undefined) return this.#disagreement.refuses(asModelPair(run));
    const isThere = run.outputs.some(isFloat);
    return isThere ? undefined : 'needs an output of floating-point numbers to move up or down';
  }

  judge(run: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    if (run.transformedError !== undefined) {
      report(
        0,
        this.#makeViolation('crash', `the runtime fails the changed testcase: ${run.transformedError}`, {
          message: run.transformedError,
        }),
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
      const where = output.size === 1 ? output.name : `${output.name}[${index}]`;
      const [moved, wanted] = this.#direction === 1 ? ['falls', 'not fall'] : ['rises', 'not rise'];
      report(
        row,
        this.#makeViolation(
          slug(output.name),
          `${where} ${moved} from ${formatShort(before)} to ${formatShort(after)} by a change after which it must ${wanted}`,
          { output: output.name, index, before, after },
        ),
      );
    }
  }

  margins(run: JudgedBatch, row: number, out: Float64Array): number {
    if (this.#disagreement !== undefined) return this.#disagreement.margins(asModelPair(run), row, out);
    const worst = run.transformed === undefined ? undefined : this.#findWorst(run, row);
    if (worst === undefined) out[0] = Number.POSITIVE_INFINITY;
    else {
      const { excess, before, after } = worst;
      const unit = MARGIN_UNIT * (Math.abs(before) + Math.abs(after)) + Number.MIN_VALUE;
      out[0] = excess > 0 ? 0 : Math.max(MIN_MARGIN, Math.log2(1 - excess / unit));
    }
    return 1;
  }

  /** The value that moves furthest against what is wanted, beyond the slack. */
  #findWorst({ outputs, transformed }: JudgedBatch, row: number) {
    let worst:
      | {
          readonly output: BatchTensor;
          readonly index: number;
          readonly before: number;
          readonly after: number;
          readonly excess: number;
        }
      | undefined;
    for (const output of outputs.filter(isFloat)) {
      const other = transformed?.outputs.find(({ name }) => name === output.name);
      if (other === undefined) continue;
      const [a, b] = [this.#originalReader.read(output, row), this.#transformedReader.read(other, row)];
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

/** A run whose second model is the model itself on the changed rows. */
function asModelPair(run: JudgedBatch): JudgedBatch {
  return { ...run, secondOutputs: run.transformed?.outputs ?? [] };
}

function formatShort(value: number): string {
  return String(Number(value.toPrecision(6)));
}

const RISES = {
  name: 'rises',
  help: '1: no value of the outputs may fall by the change',
  min: 1,
  max: 1,
  integer: true,
} as const;

const FALLS = {
  name: 'falls',
  help: '1: no value of the outputs may rise by the change',
  min: 1,
  max: 1,
  integer: true,
} as const;

const SLACK = {
  name: 'slack',
  default: 0,
  help: 'how far it may go the wrong way',
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

export const metamorphic: ObjectiveKind = {
  name: 'metamorphic',
  help: 'a change that should not matter and does, as metamorphic:brightness:most=0.1; or that must move the output one way',
  parameters: [...DISAGREEMENT_PARAMETERS, RISES, FALLS, SLACK],
  text: 'specs of mutators, one after the other joined by +; input=spec for one of several inputs',
  make(values, { text, name }) {
    const change = text
      .replace(/^change=/, '')
      .split('+')
      .map((one) => one.trim())
      .filter(Boolean);
    if (change.length === 0)
      throw new UserError(
        '--objective: metamorphic needs the change that should not matter, as metamorphic:brightness:most=0.1; neurofuzz mutators lists them',
      );
    return new Metamorphic(name === '' ? slug(change.join('_')) : name, values, change);
  },
};
