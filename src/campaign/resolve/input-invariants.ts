import type { TestcaseData } from '../../inputs/testcase.ts';
import { batchLayout, withBatchDimension } from '../../model/batch-axis.ts';
import { MAX_CONSTANT_VALUES, searchableGraph } from '../../model/graph/graph.ts';
import type { FixedInput, InputInvariants, ModelInfo } from '../../model/model.ts';
import { DTYPES, readNumber } from '../../tensor/tensor.ts';
import type { ResolvedInputs } from './inputs.ts';

/**
 * What the inputs of all testcases of a campaign have in common and may decide branches: their shapes, and the values of
 * those that are not mutated and the same in all seeds, as a sample rate is. Undefined where the model has no branch to
 * decide.
 */
export function findInvariants(
  model: Pick<ModelInfo, 'graph' | 'inputs'>,
  { seeds, mutators, lengthChanges }: Pick<ResolvedInputs, 'seeds' | 'mutators' | 'lengthChanges'>,
): InputInvariants | undefined {
  if (!searchableGraph(model.graph).nodes.some(({ op }) => op === 'If')) return undefined;
  const [{ form }] = seeds;
  const isOneShape = lengthChanges === undefined && seeds.every((seed) => seed.form.key === form.key);
  if (!isOneShape) return { values: {}, shapes: {} };
  const layout = batchLayout(model.inputs);
  const { axis } = layout;
  // With a free batch the runtime gets a row for each testcase, whose number differs.
  const values = axis === 'free' ? [] : model.inputs.map((_, i) => commonValue(seeds, mutators[i], i));
  const named = <T>(all: readonly (T | undefined)[]): Record<string, T> =>
    Object.fromEntries(
      all.flatMap((value, i): [string, T][] => (value === undefined ? [] : [[model.inputs[i].name, value]])),
    );
  return {
    values: named(
      values.map((value, i) => value && { ...value, shape: withBatchDimension(layout, i, value.shape, 1) }),
    ),
    shapes: named(
      form.inputs.map(({ shape }, i) => withBatchDimension(layout, i, shape, axis === 'free' ? null : 1)),
    ),
  };
}

/** Whether a testcase has the values that all have in common. Shapes are compared elsewhere. */
export function keepsInvariants(
  { form, inputs }: TestcaseData,
  invariants: Pick<InputInvariants, 'values'> | undefined,
): boolean {
  return form.inputs.every(({ name, type }, i) => {
    const values = invariants?.values[name]?.values;
    return (
      values === undefined ||
      (values.length === inputs[i].length &&
        values.every((value, k) => readNumber(type, inputs[i], k) === value))
    );
  });
}

/** The value of an input that is not mutated and the same in all seeds, if it is a small tensor. */
function commonValue(
  [first, ...others]: readonly TestcaseData[],
  mutators: readonly string[],
  index: number,
): FixedInput | undefined {
  const { name, type, shape, size } = first.form.inputs[index];
  if (mutators.length > 0 || size > MAX_CONSTANT_VALUES) return undefined;
  const values = Array.from({ length: size }, (_, i) => readNumber(type, first.inputs[index], i));
  const isExact = (value: number): boolean =>
    DTYPES[type].kind === 'int' ? Number.isSafeInteger(value) : Number.isFinite(value);
  const fixed: FixedInput = { type, shape, values };
  const isCommon = others.every((seed) => keepsInvariants(seed, { values: { [name]: fixed } }));
  return isCommon && values.every(isExact) ? fixed : undefined;
}
