import { formatNumber } from '../core/format-number.ts';
import type { ImageFormat } from '../inputs/image.ts';
import { inputValues } from '../inputs/input-values.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { VALUE_ROLES, type ValueRoles } from '../storage/value-roles.ts';
import { renderStrips } from './pictures/images.ts';
import type { NumbersView } from './view-model.ts';

/** Maximum number of inputs that are shown, and of values of each. */
const MAX_INPUTS = 4;
const MAX_NUMBERS = 12;

/**
 * Collects the largest changes of the inputs that are not images.
 *
 * @param names of all inputs
 * @param imageFormats of each input; undefined for those that are not images
 * @param roles which values the fault depends on; undefined if that is not recorded
 * @param maxPictureBytes size of one strip in bytes
 */
export async function collectNumbers(
  names: readonly string[],
  imageFormats: readonly (ImageFormat | undefined)[],
  testcase: TestcaseData,
  seed: TestcaseData | undefined,
  roles: ValueRoles | undefined,
  maxPictureBytes: number,
): Promise<NumbersView[]> {
  const views: NumbersView[] = [];
  for (const [input, name] of names.entries()) {
    if (imageFormats[input] !== undefined || views.length === MAX_INPUTS) continue;
    const values = inputValues(testcase, input);
    const seedValues = seed === undefined ? undefined : inputValues(seed, input);
    const { indices, changedCount } = largestChanges(values, seedValues);
    if (changedCount === 0 && (seedValues !== undefined || values.length > MAX_NUMBERS)) continue;
    views.push({
      input: name,
      values: values.length,
      changed: seedValues === undefined ? 0 : changedCount,
      largest: indices.map((index) => ({
        index,
        seed: seedValues === undefined ? '' : numberText(seedValues[index]),
        now: numberText(values[index]),
        ...roleOf(roles?.[input][index]),
      })),
      strips: values.length > MAX_NUMBERS ? await renderStrips(values, seedValues, maxPictureBytes) : [],
    });
  }
  return views;
}

function roleOf(role: number | undefined): { readonly role?: 'needed' | 'free' } {
  if (role === VALUE_ROLES.needed) return { role: 'needed' };
  return role === VALUE_ROLES.free ? { role: 'free' } : {};
}

/** The indices of the largest changes, ascending; of short inputs all. Without a seed of the same length all values count as changed by 0. */
function largestChanges(
  values: Float64Array,
  seedValues: Float64Array | undefined,
): { readonly indices: readonly number[]; readonly changedCount: number } {
  const comparable = seedValues?.length === values.length ? seedValues : undefined;
  // NaN to a number, or back, counts as 0 but as changed.
  const changeAt = (index: number): number =>
    comparable === undefined ? 0 : Math.abs(values[index] - comparable[index]) || 0;
  const changed = [...values.keys()].filter(
    (index) => comparable === undefined || !Object.is(values[index], comparable[index]),
  );
  if (values.length <= MAX_NUMBERS) return { indices: [...values.keys()], changedCount: changed.length };
  const indices = changed
    .sort((a, b) => changeAt(b) - changeAt(a))
    .slice(0, MAX_NUMBERS)
    .sort((a, b) => a - b);
  return { indices, changedCount: changed.length };
}

function numberText(value: number | undefined): string {
  if (value === undefined) return '';
  return Number.isInteger(value) ? String(value) : formatNumber(value, 7);
}
