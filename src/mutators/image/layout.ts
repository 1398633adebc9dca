import type { WorkingArray } from '../../constraints/bounds.ts';
import type { Random } from '../../core/random.ts';
import type { ParameterValues } from '../../extensions/parameters.ts';
import type { ImageFormat } from '../../inputs/image.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { MutationContext, Mutator } from '../mutator.ts';

/** Memory layout of a picture's values, and their scale: levels from 0 (black) to 1 (white). */
export interface Layout {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Strides: from a value to the one below it, to its right and in the next channel. */
  readonly rowStep: number;
  readonly columnStep: number;
  readonly channelStep: number;
  /** Value of level 0, and of level 1, of each channel. */
  readonly black: readonly number[];
  readonly white: readonly number[];
  /** Channel indices of red, green and blue; all 0 for a single channel. */
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

/** Makes one mutant in levels from 0 to 1; `seen` has the parent's, `out` receives the mutant's. */
export type LevelMutation = (
  seen: WorkingArray,
  out: WorkingArray,
  layout: Layout,
  context: MutationContext,
) => void;

/** The layout of a picture input by the shape of a mutant; the last one is cached. */
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
 * A mutator whose formula is defined on levels from 0 to 1: values are converted to levels and back.
 *
 * @param work called once for an input; it allocates its buffers
 */
export function mutateLevels(
  work: (value: ParameterValues, input: InputDescriptor) => LevelMutation,
): (value: ParameterValues, input: InputDescriptor) => Mutator {
  return (value, input) => {
    const layoutFor = makeLayoutCache(input);
    const run = work(value, input);
    const seen = new Float32Array(input.size);
    const mutated = new Float32Array(input.size);
    return {
      mutate(out, offset, parent, context) {
        const layout = layoutFor(context.shape);
        toLevels(parent, seen, layout);
        run(seen, mutated, layout, context);
        fromLevels(mutated, out, offset, parent.length, layout);
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

/** A uniform draw from `[low, high)`. */
export function drawBetween(random: Random, low: number, high: number): number {
  return low + (high - low) * random.uniform();
}
