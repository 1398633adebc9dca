import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import { type Interval, intervalAt } from '../inputs/range.ts';
import { columnAt } from '../inputs/table-column.ts';
import type { TestcaseBatch } from '../model/testcase-batch.ts';
import { DTYPES, readNumber, type TensorData } from '../tensor/tensor.ts';
import type { ConstraintLimits } from './constraint-limits.ts';
import { editDistance } from './edit-distance.ts';
import { stripPadding } from './strip-padding.ts';
import { ValidCondition } from './valid-condition.ts';

/** Testcases from which constraints measure. */
export interface ConstraintAnchors {
  readonly ancestor: TestcaseBatch;
  /**
   * Origin of DeepHunter's rule: the result of the last geometric transform, which may be the testcase itself, else the
   * ancestor.
   */
  readonly reference: TestcaseBatch;
}

/**
 * Lists the constraints that a testcase violates. An independent check of the mutators and projections: computed from
 * the values alone in double precision, without their code.
 *
 * @param mutated per input, whether it may differ from the ancestor's at all
 * @returns one message per violated constraint; empty for a legal testcase
 */
export function findBrokenConstraints(
  testcase: TestcaseBatch,
  { ancestor, reference }: ConstraintAnchors,
  limits: ConstraintLimits,
  descriptors: readonly InputDescriptor[],
  mutated: readonly boolean[],
): string[] {
  const broken: string[] = [];
  let squares = 0;
  let changes = 0;
  let largest = 0;
  const { linf, l2, l0, valid } = limits;
  const isMeasured = linf !== undefined || l2 !== undefined || l0 !== undefined;
  for (const [input, { name, type }] of testcase.form.inputs.entries()) {
    const values = testcase.inputs[input];
    const from = ancestor.inputs[input];
    const size = values.length;
    const isResized = size !== from.length;
    const illegal = findIllegalPosition(testcase, ancestor, input, descriptors[input], mutated[input]);
    if (illegal >= 0) broken.push(`${name}[${illegal}] is ${values[illegal]}, which is not legal there`);
    if (descriptors[input].tokens !== undefined)
      broken.push(...findBrokenTokenConstraints(testcase, ancestor, input, limits, descriptors));
    if (descriptors[input].strings !== undefined) {
      const edits = characterEdits(testcase, ancestor, input);
      if (limits.edits !== undefined && edits > limits.edits)
        broken.push(`${name} is ${edits} edits from its seed, above ${limits.edits}`);
      continue;
    }
    if (isResized) continue;
    for (let i = 0; i < size && isMeasured; i++) {
      const difference = Math.abs(readNumber(type, values, i) - readNumber(type, from, i));
      squares += difference * difference;
      if (difference > 0) changes++;
      if (difference > largest) largest = difference;
    }
    if (mutated[input] && limits.deephunter !== undefined && descriptors[input].tokens === undefined) {
      const { alpha, beta } = limits.deephunter;
      const moved = measureChanges(testcase, reference, input);
      const { low, high } = descriptors[input].range;
      if (moved.changes >= alpha * size && moved.largest > beta * (high - low))
        broken.push(`${moved.changes} of ${size} values of ${name} change, by up to ${moved.largest}`);
    }
  }
  if (linf !== undefined && largest > linf) broken.push(`L-infinity is ${largest}, above ${linf}`);
  if (l2 !== undefined && Math.sqrt(squares) > l2) broken.push(`L2 is ${Math.sqrt(squares)}, above ${l2}`);
  if (l0 !== undefined && changes > l0) broken.push(`L0 is ${changes}, above ${l0}`);
  if (valid !== undefined && !conditionOf(limits, valid).holds(testcase, 0, ancestor))
    broken.push(`${valid} does not hold`);
  return broken;
}

/** Parsed once for each campaign. */
const conditions = new WeakMap<ConstraintLimits, ValidCondition>();

function conditionOf(limits: ConstraintLimits, valid: string): ValidCondition {
  const condition = conditions.get(limits) ?? new ValidCondition(valid);
  conditions.set(limits, condition);
  return condition;
}

/** Edits of characters in the strings of an input, string by string. */
function characterEdits(testcase: TestcaseBatch, ancestor: TestcaseBatch, input: number): number {
  const { shape } = testcase.form.inputs[input];
  const width = shape[shape.length - 1];
  const [values, from] = [testcase.inputs[input], ancestor.inputs[input]];
  let edits = 0;
  for (let at = 0; at < values.length; at += width) {
    const text = (all: TensorData): TensorData => stripPadding(all.subarray(at, at + width), 0);
    edits += editDistance(text(values), text(from));
  }
  return edits;
}

function measureChanges(
  testcase: TestcaseBatch,
  reference: TestcaseBatch,
  input: number,
): { readonly changes: number; readonly largest: number } {
  const { type } = testcase.form.inputs[input];
  let changes = 0;
  let largest = 0;
  for (let i = 0; i < testcase.inputs[input].length; i++) {
    const value = readNumber(type, testcase.inputs[input], i);
    const difference = Math.abs(value - readNumber(type, reference.inputs[input], i));
    if (difference > 0) changes++;
    if (difference > largest) largest = difference;
  }
  return { changes, largest };
}

/** First position whose value violates range, type, table column or fixed mask; −1 if there is none. */
function findIllegalPosition(
  testcase: TestcaseBatch,
  ancestor: TestcaseBatch,
  input: number,
  { type, range, columns, fixed }: InputDescriptor,
  mutated: boolean,
): number {
  const values = testcase.inputs[input];
  const from = ancestor.inputs[input];
  const size = values.length;
  const { kind, min, max } = DTYPES[type];
  const isPlain = columns === undefined && fixed === undefined && range.channels === undefined;
  if (isPlain && mutated && values instanceof Float32Array && from instanceof Float32Array)
    return findOutOfRange(values, from, range);
  for (let i = 0; i < size; i++) {
    const value = readNumber(type, values, i);
    const seedValue = size === from.length ? readNumber(type, from, i) : undefined;
    // The seed's value is always legal: a bound such as 0.1 rounds to another number in the input's type.
    if (value === seedValue) continue;
    if (!mutated) {
      if (seedValue === undefined) continue;
      return i;
    }
    const { low, high } = intervalAt(range, i, size);
    if (!(value >= low && value <= high) || fixed?.[i]) return i;
    if (kind !== 'float' && !(Number.isInteger(value) && value >= min && value <= max)) return i;
    const column = columns === undefined ? undefined : columnAt(columns, i);
    if (column?.kind === 'fixed' || (column?.kind === 'integer' && !Number.isInteger(value))) return i;
    if (column?.kind === 'category' && !column.values.includes(value)) return i;
  }
  return -1;
}

// Hot for large inputs, of which each kept testcase has millions of values: no call a value.
function findOutOfRange(values: Float32Array, from: Float32Array, { low, high }: Interval): number {
  const isComparable = values.length === from.length;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!(value >= low && value <= high) && !(isComparable && value === from[i])) return i;
  }
  return -1;
}

function findBrokenTokenConstraints(
  testcase: TestcaseBatch,
  ancestor: TestcaseBatch,
  input: number,
  { edits }: ConstraintLimits,
  descriptors: readonly InputDescriptor[],
): string[] {
  const { tokens, type, name } = descriptors[input];
  if (tokens === undefined) return [];
  const broken: string[] = [];
  const idsOf = ({ inputs }: TestcaseBatch): number[] =>
    Array.from({ length: inputs[input].length }, (_, i) => readNumber(type, inputs[input], i));
  const { pad } = tokens;
  const isToken = (id: number): boolean => id !== pad;
  const ids = idsOf(testcase).filter(isToken);
  const from = idsOf(ancestor).filter(isToken);
  const isResized = ids.length !== from.length || pad !== undefined;
  const [minTokens, maxTokens] = tokens.length;
  if (isResized && (ids.length < minTokens || ids.length > maxTokens))
    broken.push(`${name} has ${ids.length} tokens, outside ${minTokens} to ${maxTokens}`);
  const isSpecial = (id: number): boolean => tokens.special.includes(id);
  const specialTokens = (all: readonly number[]): string =>
    isResized ? all.filter(isSpecial).join() : all.map((id) => (isSpecial(id) ? id : '')).join();
  if (specialTokens(ids) !== specialTokens(from))
    broken.push(`special tokens of ${name} are not those of its seed`);
  if (edits !== undefined && editDistance(ids, from) > edits)
    broken.push(`${name} is ${editDistance(ids, from)} edits from its seed, above ${edits}`);
  return broken;
}
