import { createHash } from 'node:crypto';
import { UserError } from '../core/errors.ts';
import type { RowTensor } from '../model/batched-model.ts';
import { Program, type Verdicts } from './expression/program.ts';
import type { Tensors } from './expression/shapes.ts';
import { namesIn, parseExpression, type Syntax, written } from './expression/syntax.ts';
import {
  MOST_MARGINS,
  type Objective,
  type ObjectiveKind,
  type Run,
  slug,
  type Violation,
} from './objective.ts';

/** Margins count doublings of the slack, above this much: what is nearer is as near as can be. */
const UNIT = 2 ** -40;

/** The margin of what is as near as can be and still no violation. */
const LEAST_MARGIN = 2 ** -20;

/** A run with what became of its rows. */
interface Judged {
  readonly run: Run;
  readonly tensors: Tensors;
  readonly program: Program;
  readonly verdicts: Verdicts;
}

/**
 * A property of every run, which the user writes down: `max(abs(logits)) < 50`. Each condition of those that `and`
 * joins has a margin, its slack; a NaN in what is compared is a violation of its own. An expression is compiled once
 * for each shape of testcases, and evaluated over whole batches.
 */
class Assertion implements Objective {
  readonly name: string;
  readonly tensors: readonly string[];
  readonly #where: string;
  readonly #syntax: Syntax;
  /** The expression as it is told. */
  readonly #text: string;
  readonly #programs = new Map<string, Program>();
  #last: Judged | undefined;

  constructor(name: string, text: string) {
    this.#where = `--objective: ${name === '' ? 'assert' : `assert:name=${name}`}`;
    this.#syntax = parseExpression(this.#where, text);
    this.#text = written(this.#syntax);
    this.tensors = namesIn(this.#syntax);
    if (this.tensors.length === 0)
      throw new UserError(`${this.#where}: ${this.#text} speaks of no input and no tensor`);
    this.name = `assert-${name === '' ? nameOf(this.#syntax) : name}`;
  }

  refuses(run: Run): string | undefined {
    const tensors = this.#tensorsOf(run);
    const missing = this.tensors.find((name) => !tensors.has(name));
    if (missing !== undefined) return `speaks of ${missing}, which the run does not have`;
    this.#programFor(tensors);
    return undefined;
  }

  judge(run: Run, report: (row: number, violation: Violation) => void): void {
    const verdict = this.#verdict(run);
    if (verdict === undefined) return;
    const { verdicts, program } = verdict;
    const { conditions } = program;
    for (let row = 0; row < run.rows; row++) {
      if (verdicts.nan[row] === 1) {
        report(row, this.#violation(verdict, row, true));
        continue;
      }
      for (let c = 0; c < conditions; c++) {
        if (verdicts.margins[row * conditions + c] > 0) continue;
        report(row, this.#violation(verdict, row, false, c));
        break;
      }
    }
  }

  margins(run: Run, row: number, out: Float64Array): number {
    const verdict = this.#verdict(run);
    if (verdict === undefined) return 0;
    const { verdicts, program } = verdict;
    const { conditions } = program;
    const count = Math.min(conditions, MOST_MARGINS);
    for (let c = 0; c < count; c++) {
      const slack = verdicts.margins[row * conditions + c];
      out[c] = slack > 0 ? Math.max(LEAST_MARGIN, Math.log2(1 + slack / UNIT)) : 0;
    }
    return count;
  }

  /** Undefined where the run lacks a tensor: it was made for another objective. */
  #verdict(run: Run) {
    if (this.#last?.run === run) return this.#last;
    const tensors = this.#tensorsOf(run);
    if (!this.tensors.every((name) => tensors.has(name))) return undefined;
    const program = this.#programFor(tensors);
    this.#last = { run, tensors, program, verdicts: program.run(tensors, run.rows) };
    return this.#last;
  }

  #tensorsOf({ inputs, activations, outputs }: Run): Tensors {
    const found = new Map<string, RowTensor>();
    for (const tensor of [...inputs, ...activations, ...outputs])
      if (this.tensors.includes(tensor.name)) found.set(tensor.name, tensor);
    return found;
  }

  #programFor(tensors: Tensors): Program {
    const key = this.tensors.map((name) => tensors.get(name)?.shape.join()).join(';');
    let program = this.#programs.get(key);
    if (program === undefined) {
      program = new Program(this.#where, this.#syntax, tensors);
      this.#programs.set(key, program);
    }
    return program;
  }

  /** @param condition the one that does not hold; absent where a NaN is compared in any */
  #violation({ run, tensors, program }: Judged, row: number, hasNaN: boolean, condition?: number): Violation {
    const conditions =
      condition === undefined ? Array.from({ length: program.conditions }, (_, c) => c) : [condition];
    const compared = conditions.flatMap((c) => program.explain(tensors, row, c));
    const told = compared.filter(({ holds, left, right }) =>
      hasNaN ? Number.isNaN(left.value) || Number.isNaN(right.value) : !holds,
    );
    const sides = new Map<string, number>();
    for (const { left, right } of told.length > 0 ? told : compared)
      for (const { text, value } of [left, right])
        if (text !== String(value) && (!hasNaN || Number.isNaN(value))) sides.set(text, value);
    const values = [...sides].map(([text, value]) => `${text} is ${short(value)}`).join(', ');
    const isInput = (tensor: string): boolean => run.inputs.some(({ name }) => name === tensor);
    return {
      objective: 'assert',
      signature: hasNaN ? `${this.name}-nan` : this.name,
      summary: `${this.#text} ${hasNaN ? 'compares a NaN' : 'does not hold'}: ${values}`,
      tensors: this.tensors.filter((name) => !isInput(name)),
      details: {
        expression: this.#text,
        kind: hasNaN ? 'nan' : 'broken',
        values: Object.fromEntries([...sides].map(([text, value]) => [text, plain(value)])),
      },
    };
  }
}

/** A name out of an expression: what it speaks of, and a few digits that tell it from others. */
function nameOf(syntax: Syntax): string {
  const digest = createHash('sha256').update(written(syntax)).digest('hex').slice(0, 6);
  return `${slug(namesIn(syntax).join('_')).slice(0, 30)}-${digest}`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** JSON has no numbers that are not finite. */
function plain(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

export const assertion: ObjectiveKind = {
  name: 'assert',
  help: 'an expression over inputs and tensors that must hold in every run, as assert:max(abs(logits)) < 50',
  parameters: [],
  text: 'what must hold',
  make: ({ name, text }) => new Assertion(name, text),
};
