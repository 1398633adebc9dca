import {
  type BoundsOptions,
  BoundsTracker,
  makeWorkingArray,
  type WorkingArray,
} from '../../src/constraints/bounds.ts';
import { randomStream } from '../../src/core/random.ts';
import { parameterValues } from '../../src/extensions/parameters.ts';
import type { ImageFormat } from '../../src/inputs/image.ts';
import type { InputDescriptor } from '../../src/inputs/input-descriptor.ts';
import type { MutationContext, Mutator } from '../../src/mutators/mutator.ts';
import { MUTATORS, makeMutator } from '../../src/mutators/registry.ts';
import { NoisePool } from '../../src/mutators/simd/noise-pool.ts';
import { DTYPES, type DType } from '../../src/tensor/tensor.ts';

/** An input of numbers from 0 to 1 unless told otherwise. */
export function traitsOf(own: Partial<InputDescriptor> = {}): InputDescriptor {
  const { type = 'float32' } = own;
  return {
    name: 'x',
    type,
    domains: DTYPES[type].kind === 'bool' ? ['flags'] : ['numbers'],
    size: 64,
    range: { low: 0, high: 1 },
    picture: undefined,
    columns: undefined,
    fixed: undefined,
    tokens: undefined,
    ...own,
  };
}

/** Pictures of a size, black 0 and white 1 unless told otherwise. */
export function pictureTraits(
  height: number,
  width: number,
  own: Partial<ImageFormat> = {},
): InputDescriptor {
  const channels = own.channels ?? 1;
  const each = <T>(value: T): T[] => new Array(channels).fill(value);
  const picture: ImageFormat = {
    height,
    width,
    channels,
    channelsFirst: false,
    bgr: false,
    resize: 'crop',
    black: each(0),
    white: each(1),
    ...own,
  };
  return traitsOf({ domains: ['numbers', 'image'], size: height * width * channels, picture });
}

/** The shape of a picture's testcases. */
export function shapeOf({ picture }: InputDescriptor): number[] {
  if (picture === undefined) throw new Error('no picture');
  const [height, width] = [picture.height as number, picture.width as number];
  return picture.channelsFirst ? [picture.channels, height, width] : [height, width, picture.channels];
}

/** Makes one of our mutators. */
export function mutatorOf(
  name: string,
  input: InputDescriptor = traitsOf(),
  values: Readonly<Record<string, number>> = {},
): Mutator {
  const kind = MUTATORS.find(name);
  if (kind === undefined) throw new Error(`no mutator ${name}`);
  return makeMutator({ spec: name, kind, values: parameterValues(new Map(Object.entries(values))) }, input);
}

const pool = new NoisePool('test');

/** What a mutator is given: all draws come from a key. */
export function givenOf(
  key: string | number,
  bounds: MutationContext['bounds'],
  shape: readonly number[],
  own: Partial<MutationContext> = {},
): MutationContext {
  const random = randomStream('draws', key);
  const noise = own.noise ?? pool;
  noise.refresh(random);
  const { vectorMath } = noise;
  return {
    random,
    noise,
    arithmetic: vectorMath,
    bounds,
    shape,
    partner: new Float32Array(0),
    mutantIndex: 0,
    mutantCount: 8,
    ...own,
  };
}

/** Bounds of an input without an ancestor. */
export function boundsOf(type: DType, size: number, options: BoundsOptions): BoundsTracker {
  return new BoundsTracker(type, size, options);
}

/** One mutant of a parent within a range, clipped as a campaign clips it. */
export function mutantOf(
  name: string,
  parent: WorkingArray,
  input: InputDescriptor,
  shape: readonly number[],
  key: string | number,
  values: Readonly<Record<string, number>> = {},
  own: Partial<MutationContext> = {},
): WorkingArray {
  const size = shape.reduce((product, side) => product * side, 1);
  const out = makeWorkingArray(input.type, size);
  const bounds = own.bounds ?? boundsOf(input.type, size, input);
  const given = givenOf(key, bounds, shape, { partner: parent, ...own });
  mutatorOf(name, input, values).mutate(out, 0, parent, given);
  given.arithmetic.clip(out, 0, size, given.bounds);
  return out;
}
