import { UserError } from '../../core/errors.ts';
import { readBounded } from '../../core/read-bounded.ts';
import { remapPath } from '../../extensions/path-remap.ts';
import type { WordSetting } from '../../extensions/settings.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import { decodeNpy } from '../../tensor/npy.ts';
import { readNumber, shapeText } from '../../tensor/tensor.ts';
import { type Layout, layoutOf } from '../image/layout.ts';
import { MIN_AMOUNT } from '../min-amount.ts';
import type { MutatorKind } from '../mutator.ts';

const STRENGTH = {
  name: 'strength',
  default: 1,
  help: 'largest share of the change; the first mutant of a row has all of it, the others a drawn part',
  min: MIN_AMOUNT,
  max: 10,
} as const;

const WORDS: Readonly<Record<string, WordSetting>> = {
  file: { help: 'the program: an .npy file of neurofuzz reprogram' },
};

/** Largest file of a program in bytes. */
const MAX_BYTES = 2 ** 30;

/** A program as a file has it. */
interface Program {
  /** NaN where the input's own value stays. */
  readonly values: Float64Array;
  /** Added to the input's values, or written in their place. */
  readonly isAdded: boolean;
  /** Sides of a patch that is placed anywhere; undefined for a program as large as the input. */
  readonly patch: Pick<Layout, 'height' | 'width'> | undefined;
}

/** Writes a change that leads all inputs to one class, or a part of it. */
export const program: MutatorKind = {
  name: 'program',
  help: 'adds or writes a change for all inputs, or a part of it, as neurofuzz reprogram finds it; needs file=program.npy',
  source: 'universal perturbations (Moosavi-Dezfooli et al. 2017), adversarial patches (Brown et al. 2017)',
  domains: ['numbers'],
  parameters: [STRENGTH],
  words: WORDS,
  cost: 4,
  make(value, input, { file } = {}) {
    const strength = value(STRENGTH);
    const { values, isAdded, patch } = readProgram(file, input);
    const positions = new Int32Array(values.length);
    let known: readonly number[] | undefined;
    let layout: Layout | undefined;
    const prepare = (shape: readonly number[]): void => {
      known = shape;
      layout = input.picture === undefined ? undefined : layoutOf(input.picture, shape);
      if (patch !== undefined && layout !== undefined) writePositions(positions, patch, layout);
      else for (let j = 0; j < positions.length; j++) positions[j] = j;
    };
    return {
      mutate(out, offset, parent, { random, shape, mutantIndex }) {
        out.set(parent, offset);
        if (known !== shape) prepare(shape);
        const share = mutantIndex === 0 ? strength : strength * random.uniform();
        let moved = 0;
        if (patch !== undefined) {
          if (layout === undefined || patch.height > layout.height || patch.width > layout.width) return;
          moved =
            random.below(layout.height - patch.height + 1) * layout.rowStep +
            random.below(layout.width - patch.width + 1) * layout.columnStep;
        } else if (parent.length !== values.length) return;
        for (let j = 0; j < values.length; j++) {
          const change = values[j];
          if (Number.isNaN(change)) continue;
          const i = positions[j] + moved;
          out[offset + i] = parent[i] + share * (isAdded ? change : change - parent[i]);
        }
      },
    };
  },
};

/** @throws UserError where there is no file, it can't be read, or it does not suit the input */
function readProgram(file: string | undefined, { name, size, picture }: InputDescriptor): Program {
  const where = '--mutator: program';
  if (file === undefined)
    throw new UserError(
      `${where} needs a program: program:file=program.npy, as neurofuzz reprogram writes it`,
    );
  const { type, data, shape, isString } = decodeNpy(
    readBounded(remapPath(file), 'read the program', MAX_BYTES),
    file,
  );
  if (isString === true) throw new UserError(`${where}: ${file} holds strings, and not numbers`);
  const values = Float64Array.from({ length: data.length }, (_, i) => readNumber(type, data, i));
  if (values.every(Number.isNaN)) throw new UserError(`${where}: ${file} changes nothing: all of it is NaN`);
  const isAdded = !values.some(Number.isNaN);
  if (values.length === size) return { values, isAdded, patch: undefined };
  const [height, width] = picture?.channelsFirst === true && shape.length === 3 ? shape.slice(1) : shape;
  const channels = values.length / (height * width);
  if (picture === undefined || values.length > size || shape.length < 2 || channels !== picture.channels)
    throw new UserError(
      `${where}: ${file} is ${shapeText(shape)}, and input ${name} has ${size} values: a program is as large as the input, or a patch of its pictures`,
    );
  return { values, isAdded: false, patch: { height, width } };
}

/** Positions of a patch's values in the upper left corner of a picture. */
function writePositions(
  positions: Int32Array,
  { height, width }: Pick<Layout, 'height' | 'width'>,
  { channels, rowStep, columnStep, channelStep }: Layout,
): void {
  const area = height * width;
  for (let j = 0; j < positions.length; j++) {
    // Channels come first, or last.
    const isFirst = channels > 1 && channelStep !== 1;
    const channel = isFirst ? Math.floor(j / area) : j % channels;
    const pixel = isFirst ? j % area : Math.floor(j / channels);
    positions[j] = Math.floor(pixel / width) * rowStep + (pixel % width) * columnStep + channel * channelStep;
  }
}
