import { type ElementBounds, makeBounds } from '../../../analysis/bounds/element-bounds.ts';
import {
  elementShapes,
  type InputBox,
  type InputBoxes,
  MAX_BOX_VALUES,
} from '../../../analysis/bounds/input-boxes.ts';
import { BoundsTracker, isAnchored } from '../../../constraints/bounds.ts';
import type { InputDescriptor } from '../../../inputs/input-descriptor.ts';
import type { Seeds } from '../../../inputs/seeds.ts';
import type { ModelInfo } from '../../../model/model.ts';
import { readNumber } from '../../../tensor/tensor.ts';
import type { ResolvedInputs } from '../inputs.ts';

/** Seeds around each of which bounds are computed, at most. */
const MAX_SEED_BOXES = 256;

/** Of inputs of which intervals are all that is known. */
export const NO_BOXES: InputBoxes = { boxes: [], seedBoxes: [] };

/** Distance from a seed within which values stay, whatever else limits mutants. */
function radiusOf(
  { tokens, strings }: InputDescriptor,
  { linf, l2 }: ResolvedInputs['limits'],
): number | undefined {
  if (tokens !== undefined || strings !== undefined) return undefined;
  // No value differs by more than all of them together; the distance is rounded where it is measured.
  const radii = [linf, l2 === undefined ? undefined : l2 * (1 + 1e-9)].filter(
    (radius) => radius !== undefined,
  );
  return radii.length === 0 ? undefined : Math.min(...radii);
}

/** Computes the bounds of one input of a testcase around a seed. */
type BoundsAround = (seed: Seeds[number]) => Pick<ElementBounds, 'low' | 'high'>;

function boundsAround(
  descriptor: InputDescriptor,
  input: number,
  isMutated: boolean,
  limits: ResolvedInputs['limits'],
): BoundsAround {
  const { type, range, columns, fixed } = descriptor;
  const options = { range, columns, fixed, linf: radiusOf(descriptor, limits) };
  return ({ form, inputs }) => {
    const { size } = form.inputs[input];
    const tracker = isMutated ? new BoundsTracker(type, size, options).centreOn(inputs[input]) : undefined;
    const low = new Float64Array(size);
    const high = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      // A seed is run as it is, within the range or not.
      const value = readNumber(type, inputs[input], i);
      low[i] = Math.min(value, tracker?.low[i] ?? value);
      high[i] = Math.max(value, tracker?.high[i] ?? value);
    }
    return { low, high };
  };
}

/**
 * The boxes in which the values of testcases lie, element by element: the range, cut with what `--linf`, `--l2` and `--fixed`
 * leave of it around the seeds; of an input that is not mutated, the seeds' values. None where testcases have sizes that no seed
 * has, or are the beginning of a text.
 *
 * @param changesSizes whether tasks change sizes that the seeds have
 */
export function inputBoxes(
  { inputs: specs, generation }: Pick<ModelInfo, 'inputs' | 'generation'>,
  { descriptors, seeds, mutators, limits, lengthChanges }: Omit<ResolvedInputs, 'inputs'>,
  changesSizes: boolean,
): InputBoxes {
  if (changesSizes || generation !== undefined || lengthChanges !== undefined) return NO_BOXES;
  const valuesOf = ({ form }: Seeds[number]): number => form.inputs.reduce((sum, { size }) => sum + size, 0);
  const unions = new Map<string, Map<string, ElementBounds>>();
  const shapes = new Set(seeds.map(({ form }) => form.key));
  const largest = Math.max(0, ...seeds.map(valuesOf));
  if (seeds.length === 0 || largest * shapes.size > MAX_BOX_VALUES) return NO_BOXES;
  const around = descriptors.map((descriptor, i) =>
    boundsAround(descriptor, i, mutators[i].length > 0, limits),
  );
  const dependsOnSeed = descriptors.some(
    (descriptor, i) =>
      mutators[i].length === 0 || isAnchored({ ...descriptor, linf: radiusOf(descriptor, limits) }),
  );
  const hasSeedBoxes =
    dependsOnSeed &&
    seeds.length <= MAX_SEED_BOXES &&
    seeds.reduce((sum, seed) => sum + valuesOf(seed), 0) <= MAX_BOX_VALUES;
  const seedBoxes: InputBox[] = [];
  for (const seed of seeds) {
    const box = new Map<string, ElementBounds>();
    const elements = elementShapes(
      specs,
      seed.form.inputs.map(({ shape }) => shape),
    );
    elements.forEach((shape, i) => {
      if (shape === undefined || descriptors[i].strings !== undefined) return;
      box.set(specs[i].name, { ...shape, ...around[i](seed) });
    });
    if (hasSeedBoxes) seedBoxes.push(box);
    widen(unions, seed.form.key, box);
  }
  return { boxes: [...unions.values()], seedBoxes };
}

/** Widens the box of a shape to hold another one. */
function widen(unions: Map<string, Map<string, ElementBounds>>, key: string, box: InputBox): void {
  let union = unions.get(key);
  if (union === undefined) {
    union = new Map([...box].map(([name, bounds]) => [name, copyOf(bounds)]));
    unions.set(key, union);
    return;
  }
  for (const [name, { low, high }] of box) {
    const wider = union.get(name);
    if (wider === undefined) continue;
    for (let i = 0; i < low.length; i++) {
      if (low[i] < wider.low[i]) wider.low[i] = low[i];
      if (high[i] > wider.high[i]) wider.high[i] = high[i];
    }
  }
}

function copyOf(bounds: ElementBounds): ElementBounds {
  const copy = makeBounds(bounds);
  copy.low.set(bounds.low);
  copy.high.set(bounds.high);
  return copy;
}
