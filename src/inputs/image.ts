import type { PreprocessSettings } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import type { InputSpec } from '../model/model.ts';
import { shapeText } from '../tensor/tensor.ts';

/** What stands between an 8-bit picture and the values of an input: level 0 is `black`, 255 `white`. */
export interface ImageFormat {
  /** Null where the model leaves the size open. */
  readonly height: number | null;
  readonly width: number | null;
  readonly channels: 1 | 3;
  /** Whether a channel's values lie together (NCHW) or a pixel's (NHWC). */
  readonly channelsFirst: boolean;
  /** Whether the model takes blue first. */
  readonly bgr: boolean;
  /** How a picture of another size is made to fit. */
  readonly resize: PreprocessSettings['resize'];
  /** Of each channel, in the order in which the model takes them. */
  readonly black: readonly number[];
  readonly white: readonly number[];
}

/** Least side of what is taken for a picture without being told. */
const MIN_IMAGE_SIDE = 8;

/** Where the dimensions of a picture lie in a testcase of an input. */
interface ImageAxes {
  readonly channelsFirst: boolean;
  readonly height: number | null;
  readonly width: number | null;
  readonly channels: 1 | 3;
}

/** How a testcase's shape may be read as a picture's; undefined where it is none. */
function findImageAxes(
  shape: readonly (number | null)[],
  layout: PreprocessSettings['layout'],
  smallest: number,
): ImageAxes | undefined {
  const [a, b, c] = shape;
  const big = (side: number | null): boolean => side === null || side >= smallest;
  const few = (channels: number | null): channels is 1 | 3 => channels === 1 || channels === 3;
  // Without being told, what is open in one of two dimensions is a sequence.
  const isSequence = smallest > 1 && (a === null || b === null);
  if (shape.length === 2 && layout !== 'NCHW' && !isSequence && big(a) && big(b)) {
    return { channelsFirst: false, height: a, width: b, channels: 1 };
  }
  if (shape.length !== 3) return undefined;
  if (layout !== 'NCHW' && big(a) && big(b) && few(c)) {
    return { channelsFirst: false, height: a, width: b, channels: c };
  }
  if (layout !== 'NHWC' && few(a) && big(b) && big(c)) {
    return { channelsFirst: true, height: b, width: c, channels: a };
  }
  return undefined;
}

/** Whether a testcase of this shape looks like a picture. */
export function looksLikeImage(shape: readonly (number | null)[]): boolean {
  return findImageAxes(shape, undefined, MIN_IMAGE_SIDE) !== undefined;
}

/**
 * The picture that an input takes; undefined where it takes none. Without settings, levels are laid onto an
 * interval.
 *
 * @param input as testcases have it
 * @throws UserError where the settings don't fit the input
 */
export function resolveImageFormat(
  input: InputSpec,
  settings: PreprocessSettings | undefined,
  [low, high]: readonly [low: number, high: number],
): ImageFormat | undefined {
  const places = findImageAxes(input.shape, settings?.layout, settings === undefined ? MIN_IMAGE_SIDE : 1);
  if (settings === undefined) {
    if (places === undefined) return undefined;
    const each = <T>(value: T): T[] => new Array(places.channels).fill(value);
    return { ...places, bgr: false, resize: 'crop', black: each(low), white: each(high) };
  }
  if (places === undefined) {
    throw new UserError(
      `preprocess: input ${input.name} takes testcases of ${shapeText(input.shape)}, which is no picture${settings.layout === undefined ? '' : ` laid out as ${settings.layout}`} of one or three channels`,
    );
  }
  const { channels } = places;
  const perChannel = (name: 'mean' | 'std'): readonly number[] => {
    const list = ([] as number[]).concat(settings[name]);
    if (list.length === channels) return list;
    if (list.length === 1) return new Array<number>(channels).fill(list[0]);
    throw new UserError(
      `preprocess: ${name} of input ${input.name} has ${list.length} numbers; it has ${channels} channel${channels === 1 ? '' : 's'}`,
    );
  };
  const [mean, std] = [perChannel('mean'), perChannel('std')];
  return {
    ...places,
    bgr: settings.colour === 'BGR' && channels === 3,
    resize: settings.resize,
    black: std.map((s, c) => -mean[c] / s),
    white: std.map((s, c) => (255 / settings.scale - mean[c]) / s),
  };
}

/** The picture's shape as a testcase has it. */
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
 * Values of a picture as the model takes them.
 *
 * @param levels `[height, width, channels]`, red first
 */
export function levelsToValues(levels: ArrayLike<number>, picture: ImageFormat): Float64Array {
  const { black, white } = picture;
  const values = new Float64Array(levels.length);
  forEachLevel(levels.length, picture, (at, value, c) => {
    const level = levels[at];
    values[value] = level === 255 ? white[c] : black[c] + ((white[c] - black[c]) * level) / 255;
  });
  return values;
}

/** The levels that come nearest to values; what is not finite is black. Undoes `valuesOf`. */
export function valuesToLevels(values: ArrayLike<number>, picture: ImageFormat): Uint8Array {
  const { black, white } = picture;
  const levels = new Uint8Array(values.length);
  forEachLevel(values.length, picture, (at, value, c) => {
    const level = Math.round((255 * (values[value] - black[c])) / (white[c] - black[c]));
    levels[at] = Number.isFinite(level) ? Math.min(255, Math.max(0, level)) : 0;
  });
  return levels;
}

/** Visits each level `[height, width, channels]` with its place among the values and its channel there. */
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
