import { createHash } from 'node:crypto';
import { UserError } from '../core/errors.ts';
import { formatNumber } from '../core/format-number.ts';
import { CompiledExpression, type Verdicts } from '../expression/compiled-expression.ts';
import { parseExpression } from '../expression/parse-expression.ts';
import type { TensorsByName } from '../expression/shapes.ts';
import { type ExpressionNode, formatExpression, tensorNamesIn } from '../expression/syntax.ts';
import type { BatchTensor } from '../model/batched-model.ts';
import { logMargin } from './margin.ts';
import {
  type JudgedBatch,
  MAX_MARGINS,
  type Objective,
  type ObjectiveKind,
  slug,
  type Violation,
} from './objective.ts';

/** Unit of the margins, which count doublings of a condition's slack. */
const MARGIN_UNIT = 2 ** -40;

/** An evaluated batch: cached, because `judge` and `margins` are called for the same one. */
interface JudgedExpression {
  readonly batch: JudgedBatch;
  readonly tensors: TensorsByName;
  readonly program: CompiledExpression;
  readonly verdicts: Verdicts;
}

/**
 * User-defined invariant over inputs and tensors: `max(abs(logits)) < 50`. Each operand of the outermost `and` has a
 * margin, its slack; comparing a NaN is a separate violation. The expression is compiled once per shape of testcases
 * and evaluated batch by batch.
 */
class Assertion implements Objective {
  readonly name: string;
  readonly tensors: readonly string[];
  readonly #errorPrefix: string;
  readonly #syntax: ExpressionNode;
  /** Normalized text of the expression, for messages and findings. */
  readonly #expression: string;
  readonly #programs = new Map<string, CompiledExpression>();
  #lastJudged: JudgedExpression | undefined;

  constructor(name: string, text: string) {
    this.#errorPrefix = `--objective: ${name === '' ? 'assert' : `assert:name=${name}`}`;
    this.#syntax = parseExpression(this.#errorPrefix, text);
    this.#expression = formatExpression(this.#syntax);
    this.tensors = tensorNamesIn(this.#syntax);
    if (this.tensors.length === 0)
      throw new UserError(`${this.#errorPrefix}: ${this.#expression} names no input and no tensor`);
    this.name = `assert-${name === '' ? defaultName(this.#syntax) : name}`;
  }

  refuses(run: JudgedBatch): string | undefined {
    const tensors = this.#tensorsOf(run);
    const missing = this.tensors.find((name) => !tensors.has(name));
    if (missing !== undefined) return `refers to ${missing}, which the run does not have`;
    this.#programFor(tensors);
    return undefined;
  }

  judge(run: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    const judged = this.#evaluate(run);
    if (judged === undefined) return;
    const { verdicts, program } = judged;
    const { conditionCount } = program;
    for (let row = 0; row < run.rows; row++) {
      if (verdicts.nanRows[row] === 1) {
        report(row, this.#makeViolation(judged, row, true));
        continue;
      }
      for (let c = 0; c < conditionCount; c++) {
        if (verdicts.margins[row * conditionCount + c] > 0) continue;
        report(row, this.#makeViolation(judged, row, false, c));
        break;
      }
    }
  }

  margins(run: JudgedBatch, row: number, out: Float64Array): number {
    const judged = this.#evaluate(run);
    if (judged === undefined) return 0;
    const { verdicts, program } = judged;
    const { conditionCount } = program;
    const count = Math.min(conditionCount, MAX_MARGINS);
    for (let c = 0; c < count; c++) {
      const slack = verdicts.margins[row * conditionCount + c];
      out[c] = slack > 0 ? logMargin(slack, MARGIN_UNIT) : 0;
    }
    return count;
  }

  /** Undefined if the batch lacks a tensor of the expression, as one run for another objective may. */
  #evaluate(run: JudgedBatch): JudgedExpression | undefined {
    if (this.#lastJudged?.batch === run) return this.#lastJudged;
    const tensors = this.#tensorsOf(run);
    if (!this.tensors.every((name) => tensors.has(name))) return undefined;
    const program = this.#programFor(tensors);
    this.#lastJudged = { batch: run, tensors, program, verdicts: program.evaluate(tensors, run.rows) };
    return this.#lastJudged;
  }

  #tensorsOf({ inputs, activations, outputs }: JudgedBatch): TensorsByName {
    const found = new Map<string, BatchTensor>();
    for (const tensor of [...inputs, ...activations, ...outputs])
      if (this.tensors.includes(tensor.name)) found.set(tensor.name, tensor);
    return found;
  }

  #programFor(tensors: TensorsByName): CompiledExpression {
    const key = this.tensors.map((name) => tensors.get(name)?.shape.join()).join(';');
    let program = this.#programs.get(key);
    if (program === undefined) {
      program = new CompiledExpression(this.#errorPrefix, this.#syntax, tensors);
      this.#programs.set(key, program);
    }
    return program;
  }

  /** @param condition the violated condition; undefined for a NaN in any of them */
  #makeViolation(
    { batch, tensors, program }: JudgedExpression,
    row: number,
    hasNaN: boolean,
    condition?: number,
  ): Violation {
    const conditions =
      condition === undefined ? Array.from({ length: program.conditionCount }, (_, c) => c) : [condition];
    const compared = conditions.flatMap((c) => program.explain(tensors, row, c));
    const relevant = compared.filter(({ holds, left, right }) =>
      hasNaN ? Number.isNaN(left.value) || Number.isNaN(right.value) : !holds,
    );
    const sides = new Map<string, number>();
    for (const { left, right } of relevant.length > 0 ? relevant : compared)
      for (const { text, value } of [left, right])
        if (text !== String(value) && (!hasNaN || Number.isNaN(value))) sides.set(text, value);
    const values = [...sides].map(([text, value]) => `${text} is ${formatNumber(value)}`).join(', ');
    const isInput = (tensor: string): boolean => batch.inputs.some(({ name }) => name === tensor);
    return {
      objective: 'assert',
      signature: hasNaN ? `${this.name}-nan` : this.name,
      summary: `${this.#expression} ${hasNaN ? 'compares a NaN' : 'does not hold'}: ${values}`,
      tensors: this.tensors.filter((name) => !isInput(name)),
      details: {
        expression: this.#expression,
        kind: hasNaN ? 'nan' : 'broken',
        values: Object.fromEntries([...sides].map(([text, value]) => [text, jsonNumber(value)])),
      },
    };
  }
}

/** Name of an unnamed assertion: its tensors and a hash prefix of the expression. */
function defaultName(syntax: ExpressionNode): string {
  const digest = createHash('sha256').update(formatExpression(syntax)).digest('hex').slice(0, 6);
  return `${slug(tensorNamesIn(syntax).join('_')).slice(0, 30)}-${digest}`;
}

/** Writes NaN and infinities as strings, which JSON numbers cannot represent. */
function jsonNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

export const assertion: ObjectiveKind = {
  name: 'assert',
  help: 'an expression over inputs and tensors that must hold in every run, as in assert:max(abs(logits)) < 50',
  parameters: [],
  text: 'the expression',
  make: (_values, { name, text }) => new Assertion(name, text),
};
