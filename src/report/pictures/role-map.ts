import { VALUE_ROLES } from '../../storage/value-roles.ts';
import type { ImageInput, Levels } from './levels.ts';

/** Colours of pixels by role: those that matter keep the most of it. */
const NEEDED = [230, 97, 1] as const;
const FREE = [226, 228, 232] as const;

/** Share of the colour in a pixel; the rest is the finding's grey level. */
const NEEDED_SHARE = 0.6;
const FREE_SHARE = 0.82;

/**
 * A finding in grey, with the pixels that the fault depends on in orange and those that may take any value faded. A pixel matters if
 * one of its channels does.
 *
 * @param roles of the values of the image, in their order in the input
 * @returns undefined if all pixels are alike, so that a map shows nothing
 */
export function roleMap(
  { imageFormat: { channelsFirst } }: Pick<ImageInput, 'imageFormat'>,
  { data, height, width, channels }: Levels,
  roles: Uint8Array,
): Levels | undefined {
  const pixels = height * width;
  const map = new Uint8Array(3 * pixels);
  const counts = { needed: 0, free: 0 };
  for (let pixel = 0; pixel < pixels; pixel++) {
    const ofPixel = Array.from({ length: channels }, (_, channel) =>
      channelsFirst ? roles[channel * pixels + pixel] : roles[pixel * channels + channel],
    );
    const isNeeded = ofPixel.includes(VALUE_ROLES.needed);
    const isFree = ofPixel.every((role) => role === VALUE_ROLES.free);
    if (isNeeded) counts.needed++;
    if (isFree) counts.free++;
    const [colour, share] = isNeeded ? [NEEDED, NEEDED_SHARE] : isFree ? [FREE, FREE_SHARE] : [FREE, 0];
    let grey = 0;
    for (let channel = 0; channel < channels; channel++) grey += data[pixel * channels + channel] / channels;
    for (let channel = 0; channel < 3; channel++)
      map[3 * pixel + channel] = Math.round(share * colour[channel] + (1 - share) * grey);
  }
  const isUniform = counts.free === 0 || counts.needed === 0;
  return isUniform ? undefined : { data: map, height, width, channels: 3 };
}
