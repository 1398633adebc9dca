import type { Sharp, SharpOptions } from 'sharp';
import { errorMessage, UserError } from '../../core/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type ImageFormat, valuesToLevels } from '../image.ts';

/** Formats that pictures are read from, by libvips' names of their decoders: others can name files, or run scripts. */
const DECODERS = ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadWebp', 'VipsForeignLoadNsgif'];

/** Opens an image. sharp is loaded on first use, because most campaigns have no images. */
async function openImage(bytes: Uint8Array, options: SharpOptions): Promise<Sharp> {
  const { default: sharp } = await import('sharp');
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: DECODERS });
  return sharp(bytes, options);
}

/** Largest image in pixels; guards against small files that declare a huge one. */
const MAX_PIXELS = 1 << 26;

/**
 * Decodes an image file (PNG, JPEG, …) to uint8 `[height, width, channels]`: one channel if every pixel is grey, in
 * whatever colour space the file is, else three. Alpha is dropped and the EXIF orientation applied.
 *
 * @throws UserError if the file is not an image
 */
export async function decodeImage(bytes: Uint8Array, source: string): Promise<Tensor> {
  try {
    const image = await openImage(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error' });
    return await toTensor(image.rotate());
  } catch (error) {
    throw new UserError(`${source} cannot be read as a picture: ${errorMessage(error)}`);
  }
}

async function toTensor(image: Sharp): Promise<Tensor> {
  const { data, info } = await image
    .removeAlpha()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const pixels = info.channels === 3 ? mergeGreyChannels(data) : new Uint8Array(data);
  const channels = pixels.length / (info.width * info.height);
  return { type: 'uint8', shape: [info.height, info.width, channels], data: pixels };
}

/** One value per pixel if red, green and blue are equal everywhere, else the values unchanged. */
function mergeGreyChannels(colours: Uint8Array): Uint8Array {
  for (let i = 0; i < colours.length; i += 3) {
    if (colours[i] !== colours[i + 1] || colours[i] !== colours[i + 2]) return new Uint8Array(colours);
  }
  return Uint8Array.from({ length: colours.length / 3 }, (_, i) => colours[3 * i]);
}

const SHARP_FIT = { crop: 'cover', fit: 'contain', stretch: 'fill' } as const;

/** An 8-bit image, `[height, width, channels]`, in the channels of an input's format. */
export interface FittedImage {
  readonly height: number;
  readonly width: number;
  readonly levels: Uint8Array;
}

/**
 * Resizes a decoded image to an input's size and number of channels; dynamic sizes keep the image's.
 *
 * @param image uint8 `[height, width, channels]` of one or three channels
 */
export async function fitImage({ shape, data }: Tensor, format: ImageFormat): Promise<FittedImage> {
  const [height, width, channels] = shape;
  const size = { height: format.height ?? height, width: format.width ?? width };
  const source = data instanceof Uint8Array ? data : Uint8Array.from(data, Number);
  if (size.height === height && size.width === width && channels === format.channels) {
    return { ...size, levels: source };
  }
  const image = await openImage(source, { raw: { height, width, channels: channels === 1 ? 1 : 3 } });
  const resized = await image
    .resize({ ...size, fit: SHARP_FIT[format.resize] })
    .toColourspace(format.channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { ...size, levels: convertChannels(resized.data, resized.info.channels, format.channels) };
}

/** libvips may return another number of channels than requested. */
function convertChannels(data: Uint8Array, actual: number, requested: number): Uint8Array {
  if (actual === requested) return new Uint8Array(data);
  const pixels = data.length / actual;
  return Uint8Array.from({ length: pixels * requested }, (_, i) => data[Math.floor(i / requested) * actual]);
}

/**
 * Encodes a testcase's values as an 8-bit PNG. Values that are not finite become black.
 */
export async function encodePng(
  values: ArrayLike<number>,
  format: ImageFormat,
  height: number,
  width: number,
): Promise<Uint8Array> {
  const { channels } = format;
  const image = await openImage(valuesToLevels(values, format), { raw: { width, height, channels } });
  return image
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();
}
