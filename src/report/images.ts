import sharp from 'sharp';
import { levelsOf, type Picture } from '../inputs/image.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { readNumber } from '../tensor/tensor.ts';
import type { PictureView } from './view-model.ts';

/** Longest sides and qualities of pictures that are too large as they are, tried in this order. */
const SMALLER = [
  [256, 75],
  [192, 60],
  [128, 50],
  [96, 40],
  [64, 30],
  [48, 20],
] as const;

/** Grey that stands for no difference. */
const MIDDLE = 128;

/** Values in a row of a strip, and most values of one. */
const STRIP_WIDTH = 64;
const MOST_STRIP = 16_384;

/** Bytes that pictures may take, so that a page of many faults stays small. */
export interface PictureBudget {
  /** Of one that people look at, and of one of the steps that led there. */
  readonly picture: number;
  readonly step: number;
}

/** 8-bit levels, `[height, width, channels]`. */
interface Levels {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
}

/** Values of one input of a testcase. */
export function valuesIn({ form, columns }: TestcaseData, input: number): Float64Array {
  const { type, size } = form.inputs[input];
  return Float64Array.from({ length: size }, (_, i) => readNumber(type, columns[input], i));
}

/** A seed, what became of it, and how they differ, as pictures; the seed may be unknown. */
export async function pictureTriple(
  picture: Picture,
  testcase: TestcaseData,
  input: number,
  seed: TestcaseData | undefined,
  changed: TestcaseData | undefined,
  most: number,
): Promise<PictureView[]> {
  const now = levels(picture, testcase, input);
  const views: PictureView[] = [];
  const from = seed && levels(picture, seed, input);
  if (from !== undefined) views.push(await encoded('seed', from, most));
  views.push(await encoded('finding', now, most));
  if (changed !== undefined)
    views.push(await encoded('as its objective changes it', levels(picture, changed, input), most));
  if (from !== undefined && from.data.length === now.data.length) {
    const { data, gain } = difference(from.data, now.data);
    const label = gain > 1 ? `difference × ${Number(gain.toPrecision(2))}` : 'difference';
    views.push(await encoded(label, { ...now, data }, most));
  }
  return views;
}

/** One testcase as a picture. */
export function onePicture(
  label: string,
  picture: Picture,
  testcase: TestcaseData,
  input: number,
  most: number,
): Promise<PictureView> {
  return encoded(label, levels(picture, testcase, input), most);
}

function levels(picture: Picture, testcase: TestcaseData, input: number): Levels {
  const { shape } = testcase.form.inputs[input];
  const [height, width] = picture.channelsFirst ? shape.slice(1) : shape;
  return { data: levelsOf(valuesIn(testcase, input), picture), height, width, channels: picture.channels };
}

/** Both subtracted, with the largest difference at black or white. */
function difference(from: Uint8Array, to: Uint8Array): { readonly data: Uint8Array; readonly gain: number } {
  let most = 0;
  for (let i = 0; i < from.length; i++) most = Math.max(most, Math.abs(to[i] - from[i]));
  const gain = most === 0 ? 1 : (MIDDLE - 1) / most;
  const data = Uint8Array.from(from, (before, i) => MIDDLE + Math.round((to[i] - before) * gain));
  return { data, gain: 2 * gain };
}

/**
 * Values that are no picture as strips of grey: seed, finding and difference on the same scale. None where there are too
 * many values to see.
 */
export async function strips(
  now: Float64Array,
  from: Float64Array | undefined,
  most: number,
): Promise<readonly PictureView[]> {
  if (now.length < 2 || now.length > MOST_STRIP) return [];
  const finite = [...now, ...(from ?? [])].filter(Number.isFinite);
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const grey = (value: number): number =>
    Number.isFinite(value) && high > low ? Math.round((255 * (value - low)) / (high - low)) : 0;
  const own = Uint8Array.from(now, grey);
  const views = [await encoded('finding', wrapped(own), most)];
  if (from === undefined || from.length !== now.length) return views;
  const before = Uint8Array.from(from, grey);
  const { data } = difference(before, own);
  return [
    await encoded('seed', wrapped(before), most),
    ...views,
    await encoded('difference', wrapped(data, MIDDLE), most),
  ];
}

function wrapped(values: Uint8Array, empty = 0): Levels {
  const width = Math.min(STRIP_WIDTH, values.length);
  const height = Math.ceil(values.length / width);
  const data = new Uint8Array(width * height).fill(empty);
  data.set(values);
  return { data, height, width, channels: 1 };
}

/** As PNG where that takes no more than `most` bytes; else smaller, and as WebP. */
async function encoded(
  label: string,
  { data, height, width, channels }: Levels,
  most: number,
): Promise<PictureView> {
  const raw = { raw: { height, width, channels } };
  const png = await sharp(data, raw).png({ compressionLevel: 9, palette: false }).toBuffer();
  if (png.length <= most) return view(label, 'png', png, width, height);
  let bytes = png;
  for (const [side, quality] of SMALLER) {
    bytes = await sharp(data, raw)
      .resize(side, side, { fit: 'inside', withoutEnlargement: true })
      .webp({ quality })
      .toBuffer();
    if (bytes.length <= most) break;
  }
  return view(label, 'webp', bytes, width, height);
}

function view(label: string, type: string, bytes: Buffer, width: number, height: number): PictureView {
  return { label, source: `data:image/${type};base64,${bytes.toString('base64')}`, width, height };
}
