import { formatNumber } from '../core/format-number.ts';
import type { BatchTensor } from '../model/batched-model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import { elementName } from './element-name.ts';
import {
  instanceName,
  type JudgedBatch,
  type Objective,
  type ObjectiveKind,
  type RerunKind,
  type RerunOutputs,
  slug,
  type Violation,
} from './objective.ts';
import { RowReader } from './output-difference.ts';

/** How the other run of a row differs, for people. */
const RERUN_TEXTS: Readonly<Record<RerunKind, string>> = {
  again: 'in a second run of the same batch',
  order: 'with the batch in reverse order',
  alone: 'in a batch of another size',
  threads: 'on several threads',
};

const RERUN_KINDS = Object.keys(RERUN_TEXTS) as RerunKind[];

interface Deviation {
  readonly output: BatchTensor;
  readonly index: number;
  readonly first: number;
  readonly other: number;
}

/** Invariance: a row has one answer, whatever batch it runs in and however often. */
class Consistent implements Objective {
  readonly name: string;
  readonly reruns: readonly RerunKind[];
  readonly #atol: number;
  readonly #rtol: number;
  readonly #reader = new RowReader();
  readonly #otherReader = new RowReader();

  constructor(
    name: string,
    reruns: readonly RerunKind[],
    { atol, rtol }: Readonly<Record<'atol' | 'rtol', number>>,
  ) {
    this.name = name;
    this.reruns = reruns;
    this.#atol = atol;
    this.#rtol = rtol;
  }

  refuses({ reruns, texts }: JudgedBatch): string | undefined {
    if (texts !== undefined) return 'compares numbers, and the model answers with texts';
    return reruns === undefined || reruns.size === 0
      ? 'cannot compare runs of this model: each run has one testcase, or its runtime has no threads; remove across, and a second run is compared too'
      : undefined;
  }

  judge(run: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    for (let row = 0; row < run.rows; row++) {
      const violation = this.#violationOf(run, row);
      if (violation !== undefined) report(row, violation);
    }
  }

  /** That of the first kind of run that deviates. */
  #violationOf(run: JudgedBatch, row: number): Violation | undefined {
    for (const [kind, rerun] of run.reruns ?? []) {
      const failure = rerun.failures.get(row);
      if (failure !== undefined)
        return this.#violation(kind, 'crash', `the runtime fails ${RERUN_TEXTS[kind]}: ${failure}`, {
          message: failure,
        });
      const worst = this.#worstDeviation(run.outputs, rerun, row);
      if (worst === undefined) continue;
      const { output, index, first, other } = worst;
      const where = elementName(output.name, output.size, index, output.classes);
      return this.#violation(
        kind,
        slug(output.name),
        `${where} is ${formatNumber(first, 9)}, but ${formatNumber(other, 9)} ${RERUN_TEXTS[kind]}`,
        { output: output.name, index, first, other },
      );
    }
    return undefined;
  }

  #worstDeviation(outputs: readonly BatchTensor[], rerun: RerunOutputs, row: number): Deviation | undefined {
    let worst: (Deviation & { readonly excess: number }) | undefined;
    for (const output of outputs) {
      const again = rerun.outputs.find(({ name }) => name === output.name);
      if (again === undefined || again.size !== output.size) continue;
      const isFloat = DTYPES[output.type].kind === 'float';
      const [a, b] = [this.#reader.read(output, row), this.#otherReader.read(again, row)];
      for (let index = 0; index < a.length; index++) {
        const [first, other] = [a[index], b[index]];
        if (Object.is(first, other) || first === other) continue;
        const allowed = isFloat ? this.#atol + this.#rtol * Math.abs(first) : 0;
        const difference = Math.abs(first - other);
        // Not a number where one of them is not finite: the largest difference that there is.
        const excess = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference - allowed;
        if (excess > 0 && (worst === undefined || excess > worst.excess))
          worst = { output, index, first, other, excess };
      }
    }
    return worst;
  }

  #violation(kind: RerunKind, where: string, summary: string, details: Violation['details']): Violation {
    return {
      objective: 'consistent',
      signature: `${this.name}-${kind}-${where}`,
      summary,
      tensors: [],
      details: { across: kind, ...details },
    };
  }
}

const ATOL = {
  name: 'atol',
  default: 1e-6,
  help: 'maximum absolute difference from the first run',
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

const RTOL = {
  name: 'rtol',
  default: 1e-4,
  help: 'maximum relative difference from the first run, added to atol',
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

const ACROSS = {
  help: 'runs that are compared with the first: `again`, a second one; `order`, with the rows in reverse; `alone`, each row by itself; `threads`, on four threads of ONNX Runtime; default: all',
  legal: RERUN_KINDS,
} as const;

export const consistent: ObjectiveKind = {
  name: 'consistent',
  help: 'an output that changes with the batch, the order of its rows, the number of threads, or from run to run',
  parameters: [ATOL, RTOL],
  words: { across: ACROSS },
  make: (values, { name, words }) =>
    new Consistent(
      instanceName('consistent', name),
      words.across === undefined ? RERUN_KINDS : [words.across as RerunKind],
      { atol: values(ATOL), rtol: values(RTOL) },
    ),
};
