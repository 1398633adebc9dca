import { UserError } from '../core/errors.ts';
import { CompiledExpression } from '../expression/compiled-expression.ts';
import { parseExpression } from '../expression/parse-expression.ts';
import type { TensorsByName } from '../expression/shapes.ts';
import { type ExpressionNode, formatExpression, tensorNamesIn } from '../expression/syntax.ts';
import type { BatchTensor } from '../model/batched-model.ts';
import type { ShapeSignature, TestcaseBatch } from '../model/testcase-batch.ts';
import { rowsOf } from '../tensor/tensor.ts';

/** Begins the name of an input's values in the seed; alone, it stands for those of the only input. */
const SEED = 'seed';

/** A condition that a mutant must meet, over its inputs and their values in the seed. */
export class ValidCondition {
  readonly #errorPrefix: string;
  readonly #syntax: ExpressionNode;
  readonly #names: readonly string[];
  /** By the form of the testcases. */
  readonly #programs = new Map<string, CompiledExpression>();

  /**
   * @param errorPrefix begins messages about it
   * @throws UserError on a syntax error
   */
  constructor(text: string, errorPrefix = '--valid') {
    this.#errorPrefix = errorPrefix;
    this.#syntax = parseExpression(errorPrefix, text);
    this.#names = tensorNamesIn(this.#syntax);
  }

  /** @throws UserError where it names no input, something that is none, or shapes that don't fit together */
  check(testcase: TestcaseBatch): void {
    const { inputs } = testcase.form;
    const text = formatExpression(this.#syntax);
    if (this.#names.length === 0) throw new UserError(`${this.#errorPrefix}: ${text} names no input`);
    if (this.#names.includes(SEED) && inputs.some(({ name }) => name === SEED))
      throw new UserError(
        `${this.#errorPrefix}: the model has an input ${SEED}: write ${SEED}.${SEED} for its values in the seed`,
      );
    const tensors = tensorsOf(testcase, 0, testcase);
    const missing = this.#names.find((name) => !tensors.has(name));
    if (missing !== undefined)
      throw new UserError(
        `${this.#errorPrefix}: ${missing} is not an input; there are ${[...tensors.keys()].join(', ')}`,
      );
    this.#programFor(testcase.form, tensors);
  }

  /** Whether a row meets it. A NaN that is compared does not. */
  holds(testcase: TestcaseBatch, row: number, seed: TestcaseBatch): boolean {
    const tensors = tensorsOf(testcase, row, seed);
    const program = this.#programFor(testcase.form, tensors);
    const { margins, nanRows } = program.evaluate(tensors, 1);
    return nanRows[0] === 0 && margins.every((margin) => margin > 0);
  }

  #programFor({ key }: ShapeSignature, tensors: TensorsByName): CompiledExpression {
    let program = this.#programs.get(key);
    if (program === undefined) {
      program = new CompiledExpression(this.#errorPrefix, this.#syntax, tensors);
      this.#programs.set(key, program);
    }
    return program;
  }
}

/** A row's inputs by name, and those of the seed as `seed.name`. */
function tensorsOf({ form, inputs }: TestcaseBatch, row: number, seed: TestcaseBatch): TensorsByName {
  const tensors = new Map<string, BatchTensor>();
  for (const [i, { name, type, size, shape }] of form.inputs.entries()) {
    const from = { name: `${SEED}.${name}`, type, size, shape, data: seed.inputs[i] };
    tensors.set(name, { name, type, size, shape, data: rowsOf(inputs[i], size, row, row + 1) });
    tensors.set(from.name, from);
    if (form.inputs.length === 1 && name !== SEED) tensors.set(SEED, from);
  }
  return tensors;
}
