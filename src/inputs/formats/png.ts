import type { Sharp, SharpOptions } from 'sharp';
import { errorMessage, UserError } from '../../core/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type ImageFormat, valuesToLevels } from '../image.ts';

/** Opens a picture. The library is loaded with the first one: most campaigns have none. */
async function openImage(bytes: Uint8Array, options: SharpOptions): Promise<Sharp> {
  const { default: sharp } = await import('sharp');
  return sharp(bytes, options);
}

/** Most pixels of one picture: a small file may declare a huge one. */
const MAX_PIXELS = 1 << 26;

/**
 * Decodes a picture file (PNG, JPEG, …) into `[height, width, channels]` of 8-bit values: one channel where
 * every pixel is grey, however the file keeps it, three for colour; transparency is dropped, and a picture
 * that a camera marked as turned is turned.
 *
 * @throws UserError where it is no picture
 */
export async function decodeImage(bytes: Uint8Array, source: string): Promise<Tensor> {
  try {
    const picture = await openImage(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error' });
    return await toTensor(picture.rotate());
  } catch (error) {
    throw new UserError(`${source} cannot be read as a picture: ${errorMessage(error)}`);
  }
}

async function toTensor(picture: Sharp): Promise<Tensor> {
  const { data, info } = await picture
    .removeAlpha()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const pixels = info.channels === 3 ? mergeGreyChannels(data) : new Uint8Array(data);
  const channels = pixels.length / (info.width * info.height);
  return { type: 'uint8', shape: [info.height, info.width, channels], data: pixels };
}

/** One value a pixel where red, green and blue are the same throughout, else all three. */
function mergeGreyChannels(colours: Uint8Array): Uint8Array {
  for (let i = 0; i < colours.length; i += 3) {
    if (colours[i] !== colours[i + 1] || colours[i] !== colours[i + 2]) return new Uint8Array(colours);
  }
  return Uint8Array.from({ length: colours.length / 3 }, (_, i) => colours[3 * i]);
}

const SHARP_FIT = { crop: 'cover', fit: 'contain', stretch: 'fill' } as const;

/**
 * Brings a decoded picture to the size and the number of channels that an input takes; a side that the model
 * leaves open stays as it is.
 */
export async function fitImage({ shape, data }: Tensor, picture: ImageFormat): Promise<Tensor> {
  const [height, width, channels] = shape;
  const to = { height: picture.height ?? height, width: picture.width ?? width };
  if (to.height === height && to.width === width && channels === picture.channels) {
    return { type: 'uint8', shape, data };
  }
  const raw = { height, width, channels: channels as 1 | 3 };
  const opened = await openImage(data as Uint8Array, { raw });
  const made = await opened
    .resize({ ...to, fit: SHARP_FIT[picture.resize] })
    .toColourspace(picture.channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return {
    type: 'uint8',
    shape: [to.height, to.width, picture.channels],
    data: convertChannels(made.data, made.info.channels, picture.channels),
  };
}

/** A picture may come out of libvips with another number of channels than was asked for. */
function convertChannels(data: Uint8Array, has: number, wanted: number): Uint8Array {
  if (has === wanted) return new Uint8Array(data);
  const pixels = data.length / has;
  return Uint8Array.from({ length: pixels * wanted }, (_, i) => data[Math.floor(i / wanted) * has]);
}

/**
 * Encodes a testcase's values as an 8-bit PNG that looks like the picture that they stand for; what is not
 * finite is black.
 */
export async function encodePng(
  values: ArrayLike<number>,
  picture: ImageFormat,
  height: number,
  width: number,
): Promise<Uint8Array> {
  const { channels } = picture;
  const opened = await openImage(valuesToLevels(values, picture), { raw: { width, height, channels } });
  return opened
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();
}
