import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import { intervalAt } from '../inputs/range.ts';
import { columnAt } from '../inputs/table-column.ts';
import type { TestcaseBatch } from '../model/testcase-batch.ts';
import { DTYPES, readNumber } from '../tensor/tensor.ts';
import { editDistance } from './distance.ts';
import type { ConstraintLimits } from './options.ts';

/** Where a testcase comes from, as constraints measure it. */
export interface ConstraintAnchors {
  readonly ancestor: TestcaseBatch;
  /** What DeepHunter's rule measures from; the testcase itself where a geometric change made it a reference. */
  readonly reference: TestcaseBatch;
}

/**
 * The constraints that a testcase breaks, a line each; none for a legal one. Worked out from its values alone,
 * in double precision: this shares no code with mutators and projections, and says whether those did their work.
 *
 * @param mutated whether each input may differ from its ancestor's at all
 */
export function findBrokenConstraints(
  testcase: TestcaseBatch,
  { ancestor, reference }: ConstraintAnchors,
  limits: ConstraintLimits,
  traits: readonly InputDescriptor[],
  mutated: readonly boolean[],
): string[] {
  const broken: string[] = [];
  let squares = 0;
  let changed = 0;
  let furthest = 0;
  for (const [input, { name, type }] of testcase.form.inputs.entries()) {
    const values = testcase.inputs[input];
    const from = ancestor.inputs[input];
    const size = values.length;
    const isResized = size !== from.length;
    const wrong = findIllegalPosition(testcase, ancestor, input, traits[input], mutated[input]);
    if (wrong >= 0) broken.push(`${name}[${wrong}] is ${values[wrong]}, which is not legal there`);
    if (traits[input].tokens !== undefined)
      broken.push(...findBrokenTokenConstraints(testcase, ancestor, input, limits, traits));
    if (isResized) continue;
    for (let i = 0; i < size; i++) {
      const far = Math.abs(readNumber(type, values, i) - readNumber(type, from, i));
      squares += far * far;
      if (far > 0) changed++;
      if (far > furthest) furthest = far;
    }
    if (mutated[input] && limits.deephunter !== undefined && traits[input].tokens === undefined) {
      const { alpha, beta } = limits.deephunter;
      const { moved, most } = measureChanges(testcase, reference, input);
      const { low, high } = traits[input].range;
      if (moved >= alpha * size && most > beta * (high - low))
        broken.push(`${moved} of ${size} values of ${name} change, by up to ${most}`);
    }
  }
  const { linf, l2, l0 } = limits;
  if (linf !== undefined && furthest > linf) broken.push(`L-infinity is ${furthest}, above ${linf}`);
  if (l2 !== undefined && Math.sqrt(squares) > l2) broken.push(`L2 is ${Math.sqrt(squares)}, above ${l2}`);
  if (l0 !== undefined && changed > l0) broken.push(`L0 is ${changed}, above ${l0}`);
  return broken;
}

function measureChanges(
  testcase: TestcaseBatch,
  reference: TestcaseBatch,
  input: number,
): { readonly moved: number; readonly most: number } {
  const { type } = testcase.form.inputs[input];
  let moved = 0;
  let most = 0;
  for (let i = 0; i < testcase.inputs[input].length; i++) {
    const value = readNumber(type, testcase.inputs[input], i);
    const far = Math.abs(value - readNumber(type, reference.inputs[input], i));
    if (far > 0) moved++;
    if (far > most) most = far;
  }
  return { moved, most };
}

/** The first position whose value is not legal, by range, type, column and what is fixed; −1 for none. */
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
  for (let i = 0; i < size; i++) {
    const value = readNumber(type, values, i);
    const own = size === from.length ? readNumber(type, from, i) : undefined;
    // A seed's own value is legal: an end such as 0.1 is another number in the input's type.
    if (value === own) continue;
    if (!mutated) {
      if (own === undefined) continue;
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

function findBrokenTokenConstraints(
  testcase: TestcaseBatch,
  ancestor: TestcaseBatch,
  input: number,
  { edits }: ConstraintLimits,
  traits: readonly InputDescriptor[],
): string[] {
  const { tokens, type, name } = traits[input];
  if (tokens === undefined) return [];
  const broken: string[] = [];
  const idsOf = ({ inputs }: TestcaseBatch): number[] =>
    Array.from({ length: inputs[input].length }, (_, i) => readNumber(type, inputs[input], i));
  const { pad } = tokens;
  const isToken = (id: number): boolean => id !== pad;
  const ids = idsOf(testcase).filter(isToken);
  const from = idsOf(ancestor).filter(isToken);
  const isResized = ids.length !== from.length || pad !== undefined;
  const [least, most] = tokens.length;
  if (isResized && (ids.length < least || ids.length > most))
    broken.push(`${name} has ${ids.length} tokens, outside ${least} to ${most}`);
  const isSpecial = (id: number): boolean => tokens.special.includes(id);
  const kept = (all: readonly number[]): string =>
    isResized ? all.filter(isSpecial).join() : all.map((id) => (isSpecial(id) ? id : '')).join();
  if (kept(ids) !== kept(from)) broken.push(`special tokens of ${name} are not those of its seed`);
  if (edits !== undefined && editDistance(ids, from) > edits)
    broken.push(`${name} is ${editDistance(ids, from)} edits from its seed, above ${edits}`);
  return broken;
}
