import type { WorkingArray } from '../../constraints/bounds.ts';
import type { Random } from '../../core/random.ts';
import type { ParameterValues } from '../../extensions/parameters.ts';
import type { ImageFormat } from '../../inputs/image.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { MutationContext, Mutator } from '../mutator.ts';

/** Where the values of a picture lie in a row, and what stands between them and levels from 0 (black) to 1 (white). */
export interface Layout {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Steps from a value to the one below it, to its right and in the next channel. */
  readonly rowStep: number;
  readonly columnStep: number;
  readonly channelStep: number;
  /** Of each channel. */
  readonly black: readonly number[];
  readonly white: readonly number[];
  /** Places of red, green and blue among the channels; one for all where there is but one. */
  readonly rgb: readonly [red: number, green: number, blue: number];
}

/** The layout of pictures of a shape. */
export function layoutOf(picture: ImageFormat, shape: readonly number[]): Layout {
  const { channelsFirst, channels, black, white, bgr } = picture;
  const [height, width] = channelsFirst ? shape.slice(-2) : shape.slice(0, 2);
  const rgb: Layout['rgb'] = channels === 1 ? [0, 0, 0] : bgr ? [2, 1, 0] : [0, 1, 2];
  const pixels = channelsFirst ? 1 : channels;
  return {
    height,
    width,
    channels,
    rowStep: width * pixels,
    columnStep: pixels,
    channelStep: channelsFirst ? height * width : 1,
    black,
    white,
    rgb,
  };
}

/** Draws what one mutant is to be; `seen` is the picture as levels from 0 to 1, `out` gets the new ones. */
export type LevelMutation = (
  seen: WorkingArray,
  out: WorkingArray,
  layout: Layout,
  given: MutationContext,
) => void;

/** A picture's layout for the shape that mutants have, remembered: shapes hardly ever change. */
export function makeLayoutCache(input: InputDescriptor): (shape: readonly number[]) => Layout {
  const { picture } = input;
  if (picture === undefined) throw new Error(`input ${input.name} takes no pictures`);
  let known: readonly number[] | undefined;
  let layout: Layout | undefined;
  return (shape) => {
    if (layout === undefined || known !== shape) {
      known = shape;
      layout = layoutOf(picture, shape);
    }
    return layout;
  };
}

/**
 * A mutator whose formula is written for levels from 0 to 1: values are turned into levels, worked on in rooms
 * of their own, and turned back.
 *
 * @param work made once for an input, with whatever room it needs
 */
export function mutateLevels(
  work: (value: ParameterValues, input: InputDescriptor) => LevelMutation,
): (value: ParameterValues, input: InputDescriptor) => Mutator {
  return (value, input) => {
    const layoutFor = makeLayoutCache(input);
    const run = work(value, input);
    const seen = new Float32Array(input.size);
    const made = new Float32Array(input.size);
    return {
      mutate(out, offset, parent, given) {
        const layout = layoutFor(given.shape);
        toLevels(parent, seen, layout);
        run(seen, made, layout, given);
        fromLevels(made, out, offset, parent.length, layout);
      },
    };
  };
}

function toLevels(parent: WorkingArray, levels: WorkingArray, layout: Layout): void {
  const { black, white, channels, channelStep } = layout;
  for (let c = 0; c < channels; c++) {
    const low = black[c];
    const scale = 1 / (white[c] - low);
    if (channelStep === 1) {
      for (let i = c; i < parent.length; i += channels) levels[i] = (parent[i] - low) * scale;
    } else {
      for (let i = c * channelStep; i < (c + 1) * channelStep; i++) levels[i] = (parent[i] - low) * scale;
    }
  }
}

function fromLevels(
  levels: WorkingArray,
  out: WorkingArray,
  offset: number,
  size: number,
  layout: Layout,
): void {
  const { black, white, channels, channelStep } = layout;
  for (let c = 0; c < channels; c++) {
    const low = black[c];
    const scale = white[c] - low;
    if (channelStep === 1) {
      for (let i = c; i < size; i += channels) out[offset + i] = low + scale * clampLevel(levels[i]);
    } else {
      for (let i = c * channelStep; i < (c + 1) * channelStep; i++)
        out[offset + i] = low + scale * clampLevel(levels[i]);
    }
  }
}

function clampLevel(level: number): number {
  return level > 0 ? (level < 1 ? level : 1) : 0;
}

/** A draw between two numbers. */
export function drawBetween(random: Random, low: number, high: number): number {
  return low + (high - low) * random.uniform();
}
