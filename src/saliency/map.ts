import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import { intervalAt } from '../inputs/range.ts';
import { type Similarity, spearman, ssim } from './metrics.ts';

/** What a method says of one input, a value for each place: a pixel, a column of a table. */
export interface SaliencyMap {
  /** Values of all channels of a place added up. */
  readonly signed: Float32Array;
  /** Their magnitudes added up. */
  readonly magnitude: Float32Array;
}

/** How the values of an input lie: pixels with channels, or places of one value each. */
export interface MapGeometry {
  /** Places; of a picture `height · width`. */
  readonly places: number;
  readonly channels: number;
  /** Sides of a picture; undefined for other inputs. */
  readonly picture?: { readonly height: number; readonly width: number };
  /** Index of the value of a place and a channel. */
  indexOf(place: number, channel: number): number;
}

/** How the values of a testcase's input lie, by its shape. */
export function geometryOf(
  { picture }: InputDescriptor,
  shape: readonly number[],
  size: number,
): MapGeometry {
  if (picture === undefined) return { places: size, channels: 1, indexOf: (place) => place };
  const { channelsFirst, channels } = picture;
  const [height, width] = channelsFirst ? shape.slice(-2) : shape;
  const columnStep = channelsFirst ? 1 : channels;
  const channelStep = channelsFirst ? height * width : 1;
  return {
    places: height * width,
    channels,
    picture: { height, width },
    indexOf: (place, channel) => place * columnStep + channel * channelStep,
  };
}

/** The map of a value for each value of the input, or of a vector for each place, such as for a token that is looked up. */
export function mapOfValues(values: ArrayLike<number>, geometry: MapGeometry): SaliencyMap {
  const { places, picture } = geometry;
  const channels = picture === undefined ? values.length / places : geometry.channels;
  const indexOf =
    picture === undefined
      ? (place: number, channel: number): number => place * channels + channel
      : geometry.indexOf;
  const signed = new Float32Array(places);
  const magnitude = new Float32Array(places);
  for (let place = 0; place < places; place++) {
    let sum = 0;
    let magnitudes = 0;
    for (let channel = 0; channel < channels; channel++) {
      const value = values[indexOf(place, channel)];
      sum += value;
      magnitudes += Math.abs(value);
    }
    signed[place] = sum;
    magnitude[place] = magnitudes;
  }
  return { signed, magnitude };
}

/** The map of a value for each place. */
export function mapOfPlaces(values: ArrayLike<number>): SaliencyMap {
  return { signed: Float32Array.from(values), magnitude: Float32Array.from(values, Math.abs) };
}

/** The low end of each value's scale: of a picture, black. */
export function lowEnd(
  { picture, range }: InputDescriptor,
  { places, channels, indexOf }: MapGeometry,
): Float64Array {
  const size = places * channels;
  const low = Float64Array.from({ length: size }, (_, i) => intervalAt(range, i, size).low);
  if (picture !== undefined)
    for (let place = 0; place < places; place++)
      for (let channel = 0; channel < channels; channel++)
        low[indexOf(place, channel)] = Math.min(picture.black[channel], picture.white[channel]);
  return low;
}

/** Whether a map says nothing: all its values are equal, or one is not finite. */
export function isEmpty({ signed, magnitude }: SaliencyMap): boolean {
  const isFlat = (values: Float32Array): boolean => values.every((value) => value === values[0]);
  return !magnitude.every(Number.isFinite) || (isFlat(signed) && isFlat(magnitude));
}

/** Compares two maps of one input. */
export function compareMaps(
  a: SaliencyMap,
  b: SaliencyMap,
  { picture }: Pick<MapGeometry, 'picture'>,
): Similarity {
  const similarity =
    picture === undefined ? undefined : ssim(a.magnitude, b.magnitude, picture.height, picture.width);
  return {
    signed: spearman(a.signed, b.signed),
    abs: spearman(a.magnitude, b.magnitude),
    ...(similarity === undefined ? {} : { ssim: similarity }),
  };
}
