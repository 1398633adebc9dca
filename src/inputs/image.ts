import type { PreprocessSettings } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import type { InputSpec } from '../model/model.ts';
import { shapeText } from '../tensor/tensor.ts';

/** How an input encodes an 8-bit image: level 0 is `black`, level 255 `white`. */
export interface ImageFormat {
  /** Null if the size is dynamic. */
  readonly height: number | null;
  readonly width: number | null;
  readonly channels: 1 | 3;
  /** Layout: CHW if true, else HWC. */
  readonly channelsFirst: boolean;
  /** Whether the channel order is BGR. */
  readonly bgr: boolean;
  /** How images of another size are resized. */
  readonly resize: PreprocessSettings['resize'];
  /** Per channel, in the model's order. */
  readonly black: readonly number[];
  readonly white: readonly number[];
}

/** Smallest side that is recognized as an image without preprocessing settings. */
const MIN_IMAGE_SIDE = 8;

/** Axes of an image in a testcase's shape. */
interface ImageAxes {
  readonly channelsFirst: boolean;
  readonly height: number | null;
  readonly width: number | null;
  readonly channels: 1 | 3;
}

/** Interprets a testcase's shape as an image; undefined if it can't be one. */
function findImageAxes(
  shape: readonly (number | null)[],
  layout: PreprocessSettings['layout'],
  minSide: number,
): ImageAxes | undefined {
  const [a, b, c] = shape;
  const isSide = (side: number | null): boolean => side === null || side >= minSide;
  const isChannels = (channels: number | null): channels is 1 | 3 => channels === 1 || channels === 3;
  // Without settings, two dimensions of which one is dynamic are a sequence.
  const isSequence = minSide > 1 && (a === null || b === null);
  if (shape.length === 2 && layout !== 'NCHW' && !isSequence && isSide(a) && isSide(b)) {
    return { channelsFirst: false, height: a, width: b, channels: 1 };
  }
  if (shape.length !== 3) return undefined;
  if (layout !== 'NCHW' && isSide(a) && isSide(b) && isChannels(c)) {
    return { channelsFirst: false, height: a, width: b, channels: c };
  }
  if (layout !== 'NHWC' && isChannels(a) && isSide(b) && isSide(c)) {
    return { channelsFirst: true, height: b, width: c, channels: a };
  }
  return undefined;
}

/** Whether a testcase's shape suggests an image. */
export function looksLikeImage(shape: readonly (number | null)[]): boolean {
  return findImageAxes(shape, undefined, MIN_IMAGE_SIDE) !== undefined;
}

/**
 * Resolves the image format of an input from its shape and the preprocessing settings. Without settings, levels 0 to
 * 255 are scaled to the interval.
 *
 * @param input without the batch dimension
 * @returns undefined if the input takes no images
 * @throws UserError if the settings don't fit the input
 */
export function resolveImageFormat(
  input: InputSpec,
  settings: PreprocessSettings | undefined,
  [low, high]: readonly [low: number, high: number],
): ImageFormat | undefined {
  if (input.strings !== undefined) {
    if (settings === undefined) return undefined;
    throw new UserError(`preprocess: input ${input.name} takes strings, not pictures`);
  }
  const axes = findImageAxes(input.shape, settings?.layout, settings === undefined ? MIN_IMAGE_SIDE : 1);
  if (settings === undefined) {
    if (axes === undefined) return undefined;
    const perChannel = (level: number): number[] => new Array<number>(axes.channels).fill(level);
    return { ...axes, bgr: false, resize: 'crop', black: perChannel(low), white: perChannel(high) };
  }
  if (axes === undefined) {
    throw new UserError(
      `preprocess: input ${input.name} takes testcases of ${shapeText(input.shape)}, which is not a picture${settings.layout === undefined ? '' : ` laid out as ${settings.layout}`} of one or three channels`,
    );
  }
  const { channels } = axes;
  const perChannel = (name: 'mean' | 'std'): readonly number[] => {
    const values = [settings[name]].flat();
    if (values.length === channels) return values;
    if (values.length === 1) return new Array<number>(channels).fill(values[0]);
    throw new UserError(
      `preprocess: ${name} of input ${input.name} has ${values.length} numbers; it has ${plural(channels, 'channel')}`,
    );
  };
  const [mean, std] = [perChannel('mean'), perChannel('std')];
  return {
    ...axes,
    bgr: settings.colour === 'BGR' && channels === 3,
    resize: settings.resize,
    black: std.map((s, c) => -mean[c] / s),
    white: std.map((s, c) => (255 / settings.scale - mean[c]) / s),
  };
}

/** Shape of an image in a testcase of an input. */
export function imageShape(
  { channelsFirst, channels }: ImageFormat,
  height: number,
  width: number,
  rank: number,
): readonly number[] {
  if (rank === 2) return [height, width];
  return channelsFirst ? [channels, height, width] : [height, width, channels];
}

/**
 * Converts 8-bit levels to the input's values and layout.
 *
 * @param levels `[height, width, channels]`, in RGB order
 */
export function levelsToValues(levels: ArrayLike<number>, format: ImageFormat): Float64Array {
  const { black, white } = format;
  const values = new Float64Array(levels.length);
  forEachLevel(levels.length, format, (at, value, c) => {
    const level = levels[at];
    values[value] = level === 255 ? white[c] : black[c] + ((white[c] - black[c]) * level) / 255;
  });
  return values;
}

/**
 * Converts values to the nearest 8-bit levels, the inverse of `levelsToValues`; values that are not finite become 0.
 */
export function valuesToLevels(values: ArrayLike<number>, format: ImageFormat): Uint8Array {
  const { black, white } = format;
  const levels = new Uint8Array(values.length);
  forEachLevel(values.length, format, (at, value, c) => {
    const level = Math.round((255 * (values[value] - black[c])) / (white[c] - black[c]));
    levels[at] = Number.isFinite(level) ? Math.min(255, Math.max(0, level)) : 0;
  });
  return levels;
}

/** Visits each index of `[height, width, channels]` levels with the index of its value and the value's channel. */
function forEachLevel(
  length: number,
  { channels, channelsFirst, bgr }: ImageFormat,
  visit: (level: number, value: number, channel: number) => void,
): void {
  const pixels = length / channels;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let c = 0; c < channels; c++) {
      const channel = bgr ? channels - 1 - c : c;
      visit(
        pixel * channels + c,
        channelsFirst ? channel * pixels + pixel : pixel * channels + channel,
        channel,
      );
    }
  }
}
