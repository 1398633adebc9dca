import {
  type ElementBounds,
  type ElementShape,
  makeBounds,
} from '../../../analysis/bounds/element-bounds.ts';
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

/** Widens bounds to hold one input of a testcase made of a seed. */
type WidenAround = (bounds: Pick<ElementBounds, 'low' | 'high'>, seed: Seeds[number]) => void;

function widenAround(
  descriptor: InputDescriptor,
  input: number,
  isMutated: boolean,
  limits: ResolvedInputs['limits'],
): WidenAround {
  const { type, range, columns, fixed } = descriptor;
  const options = { range, columns, fixed, linf: radiusOf(descriptor, limits) };
  const trackers = new Map<number, BoundsTracker>();
  const trackerOf = ({ form, inputs }: Seeds[number]): BoundsTracker => {
    const { size } = form.inputs[input];
    const tracker = trackers.get(size) ?? new BoundsTracker(type, size, options);
    trackers.set(size, tracker);
    return tracker.centreOn(inputs[input]);
  };
  return ({ low, high }, seed) => {
    const values = seed.inputs[input];
    const tracker = isMutated ? trackerOf(seed) : undefined;
    // Hot: there may be ten thousand seeds of many values.
    for (let i = 0; i < low.length; i++) {
      // A seed is run as it is, within the range or not.
      const value = readNumber(type, values, i);
      const least = tracker === undefined ? value : Math.min(value, tracker.low[i]);
      const most = tracker === undefined ? value : Math.max(value, tracker.high[i]);
      // NaN stays: nothing is known of the values.
      if (least < low[i] || Number.isNaN(least)) low[i] = least;
      if (most > high[i] || Number.isNaN(most)) high[i] = most;
    }
  };
}

/** Bounds that hold nothing. */
function emptyBounds(shape: ElementShape): ElementBounds {
  const bounds = makeBounds(shape);
  bounds.low.fill(Number.POSITIVE_INFINITY);
  bounds.high.fill(Number.NEGATIVE_INFINITY);
  return bounds;
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
    widenAround(descriptor, i, mutators[i].length > 0, limits),
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
    const union = unions.get(seed.form.key) ?? new Map<string, ElementBounds>();
    unions.set(seed.form.key, union);
    const elements = elementShapes(
      specs,
      seed.form.inputs.map(({ shape }) => shape),
    );
    elements.forEach((shape, i) => {
      if (shape === undefined || descriptors[i].strings !== undefined) return;
      const { name } = specs[i];
      const bounds = union.get(name) ?? emptyBounds(shape);
      union.set(name, bounds);
      around[i](bounds, seed);
      if (!hasSeedBoxes) return;
      const seedBounds = emptyBounds(shape);
      around[i](seedBounds, seed);
      box.set(name, seedBounds);
    });
    if (hasSeedBoxes) seedBoxes.push(box);
  }
  return { boxes: [...unions.values()], seedBoxes };
}
