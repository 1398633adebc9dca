import type { InputSpec } from '../../model/model.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import type { InputKind } from '../input-kind.ts';
import type { Seeds } from '../seeds.ts';
import type { SizeChange } from './size-change.ts';

/** A dimension that the model leaves open, with all that have to have its size. */
export interface OpenDimension extends Omit<SizeChange, 'size'> {
  /** The different sizes in the seeds, ascending. */
  readonly sizes: readonly number[];
  /** Whether mutators change the size within that of the seeds. */
  readonly hasLengthMutators: boolean;
}

/** Kinds of inputs whose sizes follow from those of others. */
const FOLLOWING_KINDS: ReadonlySet<InputKind> = new Set(['mask', 'state', 'selector']);

/**
 * The open dimensions of testcases. Dimensions of one name are one, and so are those that have equal sizes in all seeds: a model
 * may rely on that without saying so. Left out are those of masks and states alone.
 *
 * @param inputs without the batch dimension
 * @param kinds of each input
 * @param lengthLeader index of the input whose length mutators change; undefined for none
 */
export function openDimensions(
  inputs: readonly InputSpec[],
  kinds: readonly InputKind[],
  seeds: Seeds,
  lengthLeader?: number,
): OpenDimension[] {
  const byName = new Map<string, { input: number; axis: number }[]>();
  inputs.forEach(({ name, shape, dimensions = [], strings }, input) => {
    shape.forEach((size, axis) => {
      // The length of strings follows from what they are drawn from.
      if (size !== null || (strings !== undefined && axis === shape.length - 1)) return;
      const key = dimensions[axis] ?? (shape.length === 1 ? name : `${name}[${axis}]`);
      byName.set(key, [...(byName.get(key) ?? []), { input, axis }]);
    });
  });
  const bySizes = new Map<string, { names: string[]; places: { input: number; axis: number }[] }>();
  for (const [name, places] of byName) {
    const [{ input, axis }] = places;
    const sizes = seeds.map(({ form }) => form.inputs[input].shape[axis]).join();
    const tied = bySizes.get(sizes) ?? { names: [], places: [] };
    bySizes.set(sizes, { names: [...tied.names, name], places: [...tied.places, ...places] });
  }
  return [...bySizes.values()]
    .filter(({ places }) => places.some(({ input }) => !FOLLOWING_KINDS.has(kinds[input])))
    .map(({ names, places }): OpenDimension => {
      const [{ input, axis }] = places;
      const sizeIn = ({ form }: Seeds[number]): number => form.inputs[input].shape[axis];
      return {
        dimension: names.join(' and '),
        places,
        lengthInputs: lengthInputsOf(seeds, sizeIn),
        sizes: [...new Set(seeds.map(sizeIn))].sort((a, b) => a - b),
        hasLengthMutators: places.some((place) => place.input === lengthLeader),
      };
    });
}

/** Inputs of one whole number that is the size in every seed. */
function lengthInputsOf(seeds: Seeds, sizeIn: (seed: Seeds[number]) => number): number[] {
  const [first] = seeds;
  return first.form.inputs.flatMap(({ type, size }, i) =>
    size === 1 &&
    DTYPES[type].kind === 'int' &&
    seeds.every((seed) => Number(seed.inputs[i][0]) === sizeIn(seed))
      ? [i]
      : [],
  );
}
