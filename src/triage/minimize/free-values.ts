import type { TestcaseData } from '../../inputs/testcase.ts';
import { NO_TOKEN } from '../../model/language/generation.ts';
import type { FreeValueCounts } from '../../storage/finding.ts';
import { encodeValueRoles, VALUE_ROLES, type ValueRoles } from '../../storage/value-roles.ts';
import { readNumber } from '../../tensor/tensor.ts';
import { type DrawableOptions, drawablePositions } from './drawable-positions.ts';
import { findFreeParts } from './find-free-parts.ts';
import type { TestOracle, TryBudget } from './test-oracle.ts';
import { ValueDraws } from './value-draws.ts';

/** Which values of a finding its fault depends on. */
export interface FreeValues {
  readonly counts: FreeValueCounts;
  /** The role of each value, as the file beside the finding. */
  readonly bytes: Uint8Array;
}

/**
 * Tells which values of a testcase may vary without losing the violation.
 *
 * @param key of the random streams, so that the same testcase gives the same
 * @returns undefined if no value can be drawn, or the budget does not suffice to tell any
 */
export async function findFreeValues(
  options: DrawableOptions & {
    readonly oracle: TestOracle<TestcaseData>;
    readonly budget: TryBudget;
    readonly key: readonly (string | number)[];
  },
): Promise<FreeValues | undefined> {
  const { testcase, seed, oracle, budget, key } = options;
  const draws = new ValueDraws(testcase, await drawablePositions(options), key);
  const { positions } = draws;
  const isChanged = (part: number): boolean => {
    const { input, index } = positions[part];
    const { type } = testcase.form.inputs[input];
    return (
      seed === undefined ||
      !Object.is(readNumber(type, testcase.inputs[input], index), readNumber(type, seed.inputs[input], index))
    );
  };
  const parts = Array.from(positions.keys());
  const { free, needed, runs, failing } = await findFreeParts({
    groups: [parts.filter((part) => !isChanged(part)), parts.filter(isChanged)],
    variantOf: (drawn, draw) => draws.variantOf(drawn, draw),
    oracle,
    budget,
  });
  if (free.length + needed.length === 0) return undefined;
  const roles: ValueRoles = testcase.form.inputs.map(({ size }) =>
    new Uint8Array(size).fill(VALUE_ROLES.unknown),
  );
  for (const [list, role] of [
    [free, VALUE_ROLES.free],
    [needed, VALUE_ROLES.needed],
  ] as const)
    for (const part of list) roles[positions[part].input][positions[part].index] = role;
  return {
    counts: {
      free: free.length,
      needed: needed.length,
      unknown: countValues(testcase, options.config.generate !== undefined) - free.length - needed.length,
      runs,
      stayed: failing,
    },
    bytes: encodeValueRoles(testcase, roles),
  };
}

/** Number of values of a testcase, without positions of a prompt that hold no token. */
function countValues({ form, inputs }: TestcaseData, isPrompt: boolean): number {
  const sizes = form.inputs.reduce((sum, { size }) => sum + size, 0);
  const [{ type, size }] = form.inputs;
  const isEmpty = (index: number): boolean => readNumber(type, inputs[0], index) === NO_TOKEN;
  return isPrompt ? Array.from({ length: size }, (_, i) => i).filter((i) => !isEmpty(i)).length : sizes;
}
