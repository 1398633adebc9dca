import type { ImageFormat } from '../../inputs/image.ts';

/** 8-bit levels, `[height, width, channels]`. */
export interface Levels {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
}

/** An input that is an image, and how its values map to pixels. */
export interface ImageInput {
  readonly input: number;
  readonly imageFormat: ImageFormat;
}
