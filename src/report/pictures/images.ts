import sharp from 'sharp';
import { valuesToLevels } from '../../inputs/image.ts';
import { inputValues } from '../../inputs/input-values.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { ValueRoles } from '../../storage/value-roles.ts';
import type { PictureView } from '../view-model.ts';
import type { ImageInput, Levels } from './levels.ts';
import { roleMap } from './role-map.ts';

/** Sizes (longest side in pixels) and WebP qualities tried, in this order, if a picture exceeds its budget. */
const REDUCED_SIZES = [
  [256, 75],
  [192, 60],
  [128, 50],
  [96, 40],
  [64, 30],
  [48, 20],
] as const;

/** Grey level of a difference of zero. */
const MID_GREY = 128;

/** Values per row of a strip, and maximum number of values. */
const STRIP_WIDTH = 64;
const MAX_STRIP_VALUES = 16_384;

/** Maximum size of pictures in bytes, so that a page with many faults stays small. */
export interface PictureBudget {
  /** Of a picture of a testcase. */
  readonly picture: number;
  /** Of a picture of a lineage step. */
  readonly step: number;
}

/** The testcases that a finding's pictures are made of. */
export interface PicturedTestcases {
  readonly testcase: TestcaseData;
  readonly seed: TestcaseData | undefined;
  readonly transformed: TestcaseData | undefined;
  /** Which values the fault depends on; undefined if that is not recorded. */
  readonly roles: ValueRoles | undefined;
}

/**
 * Renders a seed, the finding, its transform, the amplified difference of seed and finding, and the pixels that matter; absent ones
 * are left out.
 *
 * @param maxBytes size of each picture in bytes
 */
export async function findingPictures(
  image: ImageInput,
  { testcase, seed, transformed, roles }: PicturedTestcases,
  maxBytes: number,
): Promise<PictureView[]> {
  const levels = toLevels(image, testcase);
  const seedLevels = seed && toLevels(image, seed);
  const views: PictureView[] = [];
  if (seedLevels !== undefined)
    views.push({ ...(await encodePicture('seed', seedLevels, maxBytes)), of: 'seed' });
  views.push({ ...(await encodePicture('finding', levels, maxBytes)), of: 'finding' });
  if (transformed !== undefined)
    views.push({
      ...(await encodePicture("after the objective's change", toLevels(image, transformed), maxBytes)),
      of: 'transformed',
    });
  if (seedLevels !== undefined && seedLevels.data.length === levels.data.length) {
    const { data, gain } = difference(seedLevels.data, levels.data);
    const label = gain > 1 ? `difference × ${Number(gain.toPrecision(2))}` : 'difference';
    views.push(await encodePicture(label, { ...levels, data }, maxBytes));
  }
  const map = roles && roleMap(image, levels, roles[image.input]);
  if (map !== undefined)
    views.push(await encodePicture('pixels that matter (orange), free pixels (pale)', map, maxBytes));
  return views;
}

/** Renders one testcase. */
export function renderPicture(
  label: string,
  image: ImageInput,
  testcase: TestcaseData,
  maxBytes: number,
): Promise<PictureView> {
  return encodePicture(label, toLevels(image, testcase), maxBytes);
}

function toLevels({ input, imageFormat }: ImageInput, testcase: TestcaseData): Levels {
  const { shape } = testcase.form.inputs[input];
  const [height, width] = imageFormat.channelsFirst ? shape.slice(1) : shape;
  return {
    data: valuesToLevels(inputValues(testcase, input), imageFormat),
    height,
    width,
    channels: imageFormat.channels,
  };
}

/** Difference of two images around mid grey, amplified so that the largest one becomes black or white. */
function difference(from: Uint8Array, to: Uint8Array): { readonly data: Uint8Array; readonly gain: number } {
  let largest = 0;
  for (let i = 0; i < from.length; i++) largest = Math.max(largest, Math.abs(to[i] - from[i]));
  const gain = largest === 0 ? 1 : (MID_GREY - 1) / largest;
  const data = Uint8Array.from(from, (level, i) => MID_GREY + Math.round((to[i] - level) * gain));
  return { data, gain: 2 * gain };
}

/**
 * Renders the values of an input that is not an image as strips of grey: seed, finding and difference, on the same scale.
 *
 * @param seedValues absent if the seed is unknown
 * @param maxBytes size of each strip in bytes
 * @returns no strips if there are too many values
 */
export async function renderStrips(
  values: Float64Array,
  seedValues: Float64Array | undefined,
  maxBytes: number,
): Promise<readonly PictureView[]> {
  if (values.length < 2 || values.length > MAX_STRIP_VALUES) return [];
  const finite = [...values, ...(seedValues ?? [])].filter(Number.isFinite);
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const grey = (value: number): number =>
    Number.isFinite(value) && high > low ? Math.round((255 * (value - low)) / (high - low)) : 0;
  const levels = Uint8Array.from(values, grey);
  const strip = await encodePicture('finding', wrapRows(levels), maxBytes);
  if (seedValues?.length !== values.length) return [strip];
  const seedLevels = Uint8Array.from(seedValues, grey);
  const { data } = difference(seedLevels, levels);
  return [
    await encodePicture('seed', wrapRows(seedLevels), maxBytes),
    strip,
    await encodePicture('difference', wrapRows(data, MID_GREY), maxBytes),
  ];
}

/** Breaks levels into rows; `fill` is the level of the rest of the last row. */
function wrapRows(levels: Uint8Array, fill = 0): Levels {
  const width = Math.min(STRIP_WIDTH, levels.length);
  const height = Math.ceil(levels.length / width);
  const data = new Uint8Array(width * height).fill(fill);
  data.set(levels);
  return { data, height, width, channels: 1 };
}

/** Encodes as PNG if that takes no more than `maxBytes`; otherwise reduces the size and encodes as WebP. */
async function encodePicture(
  label: string,
  { data, height, width, channels }: Levels,
  maxBytes: number,
): Promise<PictureView> {
  const raw = { raw: { height, width, channels } };
  const png = await sharp(data, raw).png({ compressionLevel: 9, palette: false }).toBuffer();
  if (png.length <= maxBytes) return pictureView(label, 'png', png, width, height);
  let bytes = png;
  for (const [side, quality] of REDUCED_SIZES) {
    bytes = await sharp(data, raw)
      .resize(side, side, { fit: 'inside', withoutEnlargement: true })
      .webp({ quality })
      .toBuffer();
    if (bytes.length <= maxBytes) break;
  }
  return pictureView(label, 'webp', bytes, width, height);
}

function pictureView(label: string, type: string, bytes: Buffer, width: number, height: number): PictureView {
  return { label, source: `data:image/${type};base64,${bytes.toString('base64')}`, width, height };
}
