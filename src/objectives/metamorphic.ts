import { UserError } from '../core/errors.ts';
import type { ObjectiveValues } from '../extensions/parameters.ts';
import type { RowTensor } from '../model/batched-model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import { PARTING_PARAMETERS, Parting, type PartingWords } from './differential.ts';
import { type Objective, type ObjectiveKind, type Run, slug, type Violation } from './objective.ts';
import { RowReader } from './output-difference.ts';

const WORDS: PartingWords = { reference: 'as it is', copy: 'changed' };

/** The margin of what is as near as can be and still no violation. */
const LEAST_MARGIN = 2 ** -20;

/** Doublings of a difference are counted above this share of the values. */
const UNIT = 2 ** -20;

/**
 * A change that should not matter, and does: the model runs on each testcase as it is and changed by a mutator, and
 * must answer alike, or move the way that is said. How a testcase is changed follows from its values alone.
 */
class Metamorphic implements Objective {
  readonly name: string;
  readonly change: readonly string[];
  readonly sided: boolean;
  readonly #alike: Parting | undefined;
  readonly #direction: 1 | -1 | undefined;
  readonly #slack: number;
  readonly #own = new RowReader();
  readonly #other = new RowReader();

  constructor(name: string, values: ObjectiveValues, change: readonly string[]) {
    this.name = `metamorphic-${name}`;
    this.change = change;
    const { rises, falls, slack = 0, ...rest } = values;
    if (rises !== undefined && falls !== undefined)
      throw new UserError('--objective: metamorphic takes rises or falls, not both');
    this.#direction = rises === undefined ? (falls === undefined ? undefined : -1) : 1;
    this.#slack = slack;
    this.#alike =
      this.#direction === undefined ? new Parting(this.name, rest, 'metamorphic', WORDS) : undefined;
    this.sided = this.#alike !== undefined;
  }

  refuses(run: Run): string | undefined {
    if (run.changed === undefined) return run.failed === undefined ? 'cannot change its inputs' : undefined;
    if (this.#alike !== undefined) return this.#alike.refuses(paired(run));
    const isThere = run.outputs.some(isNumber);
    return isThere ? undefined : 'needs an output of floating-point numbers to move up or down';
  }

  judge(run: Run, report: (row: number, violation: Violation) => void): void {
    if (run.failed !== undefined) {
      report(
        0,
        this.#violation('crash', `the runtime fails the changed testcase: ${run.failed}`, {
          message: run.failed,
        }),
      );
      return;
    }
    if (run.changed === undefined) return;
    if (this.#alike !== undefined) {
      this.#alike.judge(paired(run), report);
      return;
    }
    for (let row = 0; row < run.rows; row++) {
      const worst = this.#worst(run, row);
      if (worst === undefined || !(worst.excess > 0)) continue;
      const { output, index, before, after } = worst;
      const where = output.size === 1 ? output.name : `${output.name}[${index}]`;
      const [moved, wanted] = this.#direction === 1 ? ['falls', 'not fall'] : ['rises', 'not rise'];
      report(
        row,
        this.#violation(
          slug(output.name),
          `${where} ${moved} from ${short(before)} to ${short(after)} by a change after which it must ${wanted}`,
          { output: output.name, index, before, after },
        ),
      );
    }
  }

  margins(run: Run, row: number, out: Float64Array): number {
    if (this.#alike !== undefined) return this.#alike.margins(paired(run), row, out);
    const worst = run.changed === undefined ? undefined : this.#worst(run, row);
    if (worst === undefined) out[0] = Number.POSITIVE_INFINITY;
    else {
      const { excess, before, after } = worst;
      const unit = UNIT * (Math.abs(before) + Math.abs(after)) + Number.MIN_VALUE;
      out[0] = excess > 0 ? 0 : Math.max(LEAST_MARGIN, Math.log2(1 - excess / unit));
    }
    return 1;
  }

  /** The value that moves furthest against what is wanted, beyond the slack. */
  #worst({ outputs, changed }: Run, row: number) {
    let worst:
      | {
          readonly output: RowTensor;
          readonly index: number;
          readonly before: number;
          readonly after: number;
          readonly excess: number;
        }
      | undefined;
    for (const output of outputs.filter(isNumber)) {
      const other = changed?.outputs.find(({ name }) => name === output.name);
      if (other === undefined) continue;
      const [a, b] = [this.#own.read(output, row), this.#other.read(other, row)];
      for (let index = 0; index < Math.min(a.length, b.length); index++) {
        const [before, after] = [a[index], b[index]];
        const excess = (this.#direction ?? 1) * (before - after) - this.#slack;
        if (Number.isNaN(excess) || (worst !== undefined && excess <= worst.excess)) continue;
        worst = { output, index, before, after, excess };
      }
    }
    return worst;
  }

  #violation(kind: string, summary: string, details: Violation['details']): Violation {
    return {
      objective: 'metamorphic',
      signature: `${this.name}-${kind}`,
      summary,
      tensors: [],
      details: { change: this.change, ...details },
    };
  }
}

function isNumber({ type }: RowTensor): boolean {
  return DTYPES[type].kind === 'float';
}

/** A run whose second model is the model itself on the changed rows. */
function paired(run: Run): Run {
  return { ...run, copy: run.changed?.outputs ?? [] };
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}

export const metamorphic: ObjectiveKind = {
  name: 'metamorphic',
  help: 'a change that should not matter and does, as metamorphic:brightness:most=0.1; or that must move the output one way',
  parameters: [
    ...PARTING_PARAMETERS,
    {
      name: 'rises',
      help: '1: no value of the outputs may fall by the change',
      between: [1, 1],
      whole: true,
    },
    {
      name: 'falls',
      help: '1: no value of the outputs may rise by the change',
      between: [1, 1],
      whole: true,
    },
    { name: 'slack', help: 'how far it may go the wrong way', between: [0, Number.POSITIVE_INFINITY] },
  ],
  text: 'specs of mutators, one after the other joined by +; input=spec for one of several inputs',
  make({ values, text, name }) {
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
