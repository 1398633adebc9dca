import type { TestcaseData } from '../../inputs/testcase.ts';
import { batchAxis } from '../../model/batch-axis.ts';
import { MAX_CONSTANT_VALUES, searchableGraph } from '../../model/graph/graph.ts';
import type { FixedInput, FixedInputs, ModelInfo } from '../../model/model.ts';
import { DTYPES, readNumber } from '../../tensor/tensor.ts';
import type { ResolvedInputs } from './inputs.ts';

/**
 * The inputs that have one value in the whole campaign, as a sample rate has: not mutated, and the same in all seeds. They
 * decide branches of the model. Undefined where there are none, or the model has no branch to decide.
 */
export function findFixedInputs(
  model: Pick<ModelInfo, 'graph' | 'inputs'>,
  { seeds, mutators, lengthChanges }: Pick<ResolvedInputs, 'seeds' | 'mutators' | 'lengthChanges'>,
): FixedInputs | undefined {
  if (!searchableGraph(model.graph).nodes.some(({ op }) => op === 'If')) return undefined;
  const axis = batchAxis(model.inputs);
  // The runtime gets a row for each testcase of a batch, whose number differs.
  if (axis === 'free') return undefined;
  const resized = new Set(
    lengthChanges === undefined ? [] : [lengthChanges.leader, ...lengthChanges.followers],
  );
  const fixed = model.inputs.flatMap(({ name }, i): [string, FixedInput][] => {
    if (mutators[i].length > 0 || resized.has(i)) return [];
    const value = commonValue(seeds, i);
    if (value === undefined) return [];
    return [[name, axis === 'one' ? { ...value, shape: [1, ...value.shape] } : value]];
  });
  return fixed.length === 0 ? undefined : Object.fromEntries(fixed);
}

/** Whether a testcase has the fixed values. */
export function hasFixedInputs({ form, inputs }: TestcaseData, fixed: FixedInputs | undefined): boolean {
  return form.inputs.every(({ name, type }, i) => {
    const values = fixed?.[name]?.values;
    return (
      values === undefined ||
      (values.length === inputs[i].length &&
        values.every((value, k) => readNumber(type, inputs[i], k) === value))
    );
  });
}

/** The value of an input that is the same in all seeds, if it is a small tensor. */
function commonValue([first, ...others]: readonly TestcaseData[], index: number): FixedInput | undefined {
  const { type, shape, size } = first.form.inputs[index];
  if (size > MAX_CONSTANT_VALUES) return undefined;
  const values = Array.from({ length: size }, (_, i) => readNumber(type, first.inputs[index], i));
  const isExact = (value: number): boolean =>
    DTYPES[type].kind === 'int' ? Number.isSafeInteger(value) : Number.isFinite(value);
  const fixed: FixedInput = { type, shape, values };
  const name = first.form.inputs[index].name;
  return values.every(isExact) && others.every((seed) => hasFixedInputs(seed, { [name]: fixed }))
    ? fixed
    : undefined;
}
