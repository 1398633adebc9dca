import { batchLayout, isBatchName } from '../model/batch-axis.ts';
import type { InputSpec } from '../model/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { InferredInput } from './infer-input.ts';

/** What an open dimension measures, which decides the sizes that are tried. */
type DimensionRole = 'rows' | 'side' | 'samples' | 'steps';

/** A dimension that the model leaves open: all that have its name, or one without a name. */
interface OpenDimension {
  readonly role: DimensionRole;
  readonly places: readonly { readonly input: number; readonly axis: number }[];
}

/** Sizes of one testcase for each input, batch included as 1; runs on them, or fails with a message. */
export type TrySizes = (inputs: readonly InputSpec[]) => Promise<string | undefined>;

/** Sizes for the dimensions that a model leaves open. */
export interface OpenSizes {
  /** The whole shape of each input that has open dimensions, batch included as 1. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** The failure on the first sizes, where the model runs on none that were tried. */
  readonly failure: string | undefined;
  /** How many were tried. */
  readonly tries: number;
}

/**
 * Sizes in the order in which they are tried. Signals: those of an audio frame first, up to a second at 16 kHz. Pictures:
 * what small and large convolutional networks take. Rows of a batch, channels and layers: one.
 */
const SIZES: Readonly<Record<DimensionRole, readonly number[]>> = {
  rows: [1, 2],
  side: [32, 64, 128, 224, 256, 320, 416, 512, 640, 1024, 16, 8, 4, 2, 1],
  samples: [512, 1024, 2048, 4096, 8192, 16_000, 256, 128, 64, 32, 16, 8, 4, 2, 1],
  steps: [16, 32, 8, 64, 4, 128, 2, 256, 1, 512, 1024, 2048, 4096, 8192, 16_000],
};

/** Roles that win over others where inputs of several kinds have a dimension of one name. */
const ROLES: readonly DimensionRole[] = ['rows', 'samples', 'side', 'steps'];

/** Values of one testcase up to which sizes are tried. */
const MAX_TRIED_VALUES = 1 << 24;

/**
 * Chooses sizes for the dimensions that a model leaves open, the batch aside: the first that it runs on. Dimensions of one
 * name have one size in all inputs. All open dimensions are tried at their first sizes, then at their next ones together,
 * then each alone.
 *
 * @param inputs with the batch dimension
 */
export async function chooseOpenSizes(
  inputs: readonly InputSpec[],
  inferredInputs: readonly InferredInput[],
  trySizes: TrySizes,
): Promise<OpenSizes> {
  const dimensions = openDimensions(inputs, inferredInputs);
  if (dimensions.length === 0) return { shapes: {}, failure: undefined, tries: 0 };
  let failure: string | undefined;
  let tries = 0;
  for (const sizes of assignments(dimensions)) {
    const sized = withSizes(inputs, dimensions, sizes);
    if (tries > 0 && valuesOf(sized) > MAX_TRIED_VALUES) continue;
    tries++;
    const message = await trySizes(sized);
    if (message === undefined) return { shapes: shapesOf(inputs, sized), failure: undefined, tries };
    failure ??= message;
  }
  const first = dimensions.map(({ role }) => SIZES[role][0]);
  return { shapes: shapesOf(inputs, withSizes(inputs, dimensions, first)), failure, tries };
}

/** The open dimensions of a model's inputs, those of the batch aside. */
function openDimensions(
  inputs: readonly InputSpec[],
  inferredInputs: readonly InferredInput[],
): OpenDimension[] {
  const { axis: batch, positions } = batchLayout(inputs);
  const byName = new Map<string, OpenDimension>();
  inputs.forEach(({ shape, dimensions = [], strings }, input) => {
    shape.forEach((size, axis) => {
      // The length of strings follows from what they are drawn from.
      if (strings !== undefined && axis === shape.length - 1) return;
      if (size !== null || (batch === 'free' && axis === positions[input])) return;
      const name = dimensions[axis] ?? null;
      const key = name === null ? `${input}.${axis}` : `=${name}`;
      const known = byName.get(key);
      const roles = [roleOf(inferredInputs[input], shape.length, axis, name), known?.role];
      byName.set(key, {
        role: ROLES.find((role) => roles.includes(role)) ?? 'steps',
        places: [...(known?.places ?? []), { input, axis }],
      });
    });
  });
  return [...byName.values()];
}

function roleOf({ kind }: InferredInput, rank: number, axis: number, name: string | null): DimensionRole {
  if (isBatchName(name) || kind === 'state') return 'rows';
  if (kind === 'audio') return axis === rank - 1 ? 'samples' : 'rows';
  // Behind a batch of its own, which the other inputs do not share.
  if (name === null && axis === 0 && rank > 1 && kind !== 'image') return 'rows';
  return kind === 'image' ? 'side' : 'steps';
}

/** Sizes of all dimensions: their first ones, the next ones together, then other ones of each alone. */
function* assignments(dimensions: readonly OpenDimension[]): Generator<readonly number[]> {
  const seen = new Set<string>();
  const fresh = (sizes: readonly number[]): boolean => {
    const key = sizes.join();
    return !seen.has(key) && seen.add(key) !== undefined;
  };
  const sizesOf = ({ role }: OpenDimension): readonly number[] => SIZES[role];
  const rounds = Math.max(...dimensions.map((dimension) => sizesOf(dimension).length));
  for (let round = 0; round < rounds; round++) {
    // Rows stay one here: only alone are they tried at more.
    const sizes = dimensions.map((dimension) =>
      dimension.role === 'rows'
        ? sizesOf(dimension)[0]
        : sizesOf(dimension)[Math.min(round, sizesOf(dimension).length - 1)],
    );
    if (fresh(sizes)) yield sizes;
  }
  for (const [varied, dimension] of dimensions.entries())
    for (const size of sizesOf(dimension)) {
      const sizes = dimensions.map((other, i) => (i === varied ? size : sizesOf(other)[0]));
      if (fresh(sizes)) yield sizes;
    }
}

function withSizes(
  inputs: readonly InputSpec[],
  dimensions: readonly OpenDimension[],
  sizes: readonly number[],
): InputSpec[] {
  const shapes = inputs.map(({ shape }) => [...shape]);
  dimensions.forEach(({ places }, i) => {
    for (const { input, axis } of places) shapes[input][axis] = sizes[i];
  });
  // Fixed sizes must not make a testcase that is the whole input look like a batch of one.
  const whole = batchLayout(inputs).axis === 'none' ? ({ isWhole: true } as const) : {};
  return inputs.map((input, i) => ({ ...input, shape: shapes[i], ...whole }));
}

/** Shapes of the inputs that had open dimensions beside the batch, which is 1. */
function shapesOf(
  inputs: readonly InputSpec[],
  sized: readonly InputSpec[],
): Record<string, readonly number[]> {
  return Object.fromEntries(
    sized
      .filter(({ shape }, i) => shape.some((size, axis) => size !== inputs[i].shape[axis]))
      .map(({ name, shape, strings }) => [
        name,
        (strings === undefined ? shape : shape.slice(0, -1)).map((size) => size ?? 1),
      ]),
  );
}

function valuesOf(inputs: readonly InputSpec[]): number {
  return inputs.reduce((sum, { shape }) => sum + sizeOf(shape.map((size) => size ?? 1)), 0);
}
