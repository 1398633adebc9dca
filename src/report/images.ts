import sharp from 'sharp';
import { type ImageFormat, valuesToLevels } from '../inputs/image.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { readNumber } from '../tensor/tensor.ts';
import type { PictureView } from './view-model.ts';

/** Longest sides and qualities of pictures that are too large as they are, tried in this order. */
const REDUCED_SIZES = [
  [256, 75],
  [192, 60],
  [128, 50],
  [96, 40],
  [64, 30],
  [48, 20],
] as const;

/** Grey that stands for no difference. */
const MID_GREY = 128;

/** Values in a row of a strip, and most values of one. */
const STRIP_WIDTH = 64;
const MAX_STRIP_VALUES = 16_384;

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
export function valuesIn({ form, inputs }: TestcaseData, input: number): Float64Array {
  const { type, size } = form.inputs[input];
  return Float64Array.from({ length: size }, (_, i) => readNumber(type, inputs[input], i));
}

/** A seed, what became of it, and how they differ, as pictures; the seed may be unknown. */
export async function pictureTriple(
  picture: ImageFormat,
  testcase: TestcaseData,
  input: number,
  seed: TestcaseData | undefined,
  changed: TestcaseData | undefined,
  most: number,
): Promise<PictureView[]> {
  const now = toLevels(picture, testcase, input);
  const views: PictureView[] = [];
  const from = seed && toLevels(picture, seed, input);
  if (from !== undefined) views.push(await encodePicture('seed', from, most));
  views.push(await encodePicture('finding', now, most));
  if (changed !== undefined)
    views.push(await encodePicture('as its objective changes it', toLevels(picture, changed, input), most));
  if (from !== undefined && from.data.length === now.data.length) {
    const { data, gain } = difference(from.data, now.data);
    const label = gain > 1 ? `difference × ${Number(gain.toPrecision(2))}` : 'difference';
    views.push(await encodePicture(label, { ...now, data }, most));
  }
  return views;
}

/** One testcase as a picture. */
export function renderPicture(
  label: string,
  picture: ImageFormat,
  testcase: TestcaseData,
  input: number,
  most: number,
): Promise<PictureView> {
  return encodePicture(label, toLevels(picture, testcase, input), most);
}

function toLevels(picture: ImageFormat, testcase: TestcaseData, input: number): Levels {
  const { shape } = testcase.form.inputs[input];
  const [height, width] = picture.channelsFirst ? shape.slice(1) : shape;
  return {
    data: valuesToLevels(valuesIn(testcase, input), picture),
    height,
    width,
    channels: picture.channels,
  };
}

/** Both subtracted, with the largest difference at black or white. */
function difference(from: Uint8Array, to: Uint8Array): { readonly data: Uint8Array; readonly gain: number } {
  let most = 0;
  for (let i = 0; i < from.length; i++) most = Math.max(most, Math.abs(to[i] - from[i]));
  const gain = most === 0 ? 1 : (MID_GREY - 1) / most;
  const data = Uint8Array.from(from, (before, i) => MID_GREY + Math.round((to[i] - before) * gain));
  return { data, gain: 2 * gain };
}

/**
 * Values that are no picture as strips of grey: seed, finding and difference on the same scale. None where there are too
 * many values to see.
 */
export async function renderStrips(
  now: Float64Array,
  from: Float64Array | undefined,
  most: number,
): Promise<readonly PictureView[]> {
  if (now.length < 2 || now.length > MAX_STRIP_VALUES) return [];
  const finite = [...now, ...(from ?? [])].filter(Number.isFinite);
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const grey = (value: number): number =>
    Number.isFinite(value) && high > low ? Math.round((255 * (value - low)) / (high - low)) : 0;
  const own = Uint8Array.from(now, grey);
  const views = [await encodePicture('finding', wrapRows(own), most)];
  if (from === undefined || from.length !== now.length) return views;
  const before = Uint8Array.from(from, grey);
  const { data } = difference(before, own);
  return [
    await encodePicture('seed', wrapRows(before), most),
    ...views,
    await encodePicture('difference', wrapRows(data, MID_GREY), most),
  ];
}

function wrapRows(values: Uint8Array, empty = 0): Levels {
  const width = Math.min(STRIP_WIDTH, values.length);
  const height = Math.ceil(values.length / width);
  const data = new Uint8Array(width * height).fill(empty);
  data.set(values);
  return { data, height, width, channels: 1 };
}

/** As PNG where that takes no more than `most` bytes; else smaller, and as WebP. */
async function encodePicture(
  label: string,
  { data, height, width, channels }: Levels,
  most: number,
): Promise<PictureView> {
  const raw = { raw: { height, width, channels } };
  const png = await sharp(data, raw).png({ compressionLevel: 9, palette: false }).toBuffer();
  if (png.length <= most) return pictureView(label, 'png', png, width, height);
  let bytes = png;
  for (const [side, quality] of REDUCED_SIZES) {
    bytes = await sharp(data, raw)
      .resize(side, side, { fit: 'inside', withoutEnlargement: true })
      .webp({ quality })
      .toBuffer();
    if (bytes.length <= most) break;
  }
  return pictureView(label, 'webp', bytes, width, height);
}

function pictureView(label: string, type: string, bytes: Buffer, width: number, height: number): PictureView {
  return { label, source: `data:image/${type};base64,${bytes.toString('base64')}`, width, height };
}
