import sharp from 'sharp';
import { reason, UserError } from '../errors.ts';
import type { Tensor } from '../models/tensor.ts';

/** Most pixels of one picture: a small file may declare a huge one. */
const MOST_PIXELS = 1 << 26;

/**
 * Decodes a picture into `[height, width, channels]` of 8-bit values: one channel where every pixel is grey,
 * however the file keeps it, three for colour; transparency is dropped.
 *
 * @throws UserError where it is no picture
 */
export async function decodePng(bytes: Uint8Array, source: string): Promise<Tensor> {
  try {
    const picture = sharp(bytes, { limitInputPixels: MOST_PIXELS, failOn: 'error' });
    const { data, info } = await picture
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const pixels = info.channels === 3 ? greyOf(data) : new Uint8Array(data);
    const channels = pixels.length / (info.width * info.height);
    return { type: 'uint8', shape: [info.height, info.width, channels], data: pixels };
  } catch (error) {
    throw new UserError(`${source} cannot be read as a picture: ${reason(error)}`);
  }
}

/** One value a pixel where red, green and blue are the same throughout, else all three. */
function greyOf(colours: Uint8Array): Uint8Array {
  for (let i = 0; i < colours.length; i += 3) {
    if (colours[i] !== colours[i + 1] || colours[i] !== colours[i + 2]) return new Uint8Array(colours);
  }
  return Uint8Array.from({ length: colours.length / 3 }, (_, i) => colours[3 * i]);
}

/** Height, width, channels of a testcase that a person can look at as a picture; undefined for others. */
export function pictureShape(shape: readonly number[]): readonly [number, number, 1 | 3] | undefined {
  const [a, b, c] = shape;
  const big = (side: number): boolean => side >= 8;
  if (shape.length === 2 && big(a) && big(b)) return [a, b, 1];
  if (shape.length === 3 && big(a) && big(b) && (c === 1 || c === 3)) return [a, b, c];
  if (shape.length === 3 && big(b) && big(c) && (a === 1 || a === 3)) return [b, c, a];
  return undefined;
}

/**
 * Encodes values as an 8-bit PNG; `low` is black and `high` white, what is not finite is black.
 *
 * @param shape as `pictureShape` accepts it; channels last, or first where the last dimension is no 1 or 3
 */
export async function encodePng(
  values: ArrayLike<number>,
  shape: readonly number[],
  low: number,
  high: number,
): Promise<Uint8Array> {
  const picture = pictureShape(shape);
  if (picture === undefined) throw new Error(`a testcase of shape [${shape}] is no picture`);
  const [height, width, channels] = picture;
  const channelsFirst = shape.length === 3 && shape[2] !== channels;
  const pixels = new Uint8Array(height * width * channels);
  for (let i = 0; i < height * width; i++) {
    for (let channel = 0; channel < channels; channel++) {
      const value = values[channelsFirst ? channel * height * width + i : i * channels + channel];
      const level = Math.round((255 * (value - low)) / (high - low));
      pixels[i * channels + channel] = Number.isFinite(level) ? Math.min(255, Math.max(0, level)) : 0;
    }
  }
  const space = channels === 1 ? 'b-w' : 'srgb';
  return sharp(pixels, { raw: { width, height, channels } }).toColourspace(space).png().toBuffer();
}
