import type { CampaignConfig } from '../config/schema.ts';
import { type ImageFormat, resolveImageFormat } from '../inputs/image.ts';
import { inferInputKind } from '../inputs/input-kind.ts';
import type { ManifestInput } from '../storage/manifest-reader.ts';

/** Of each input of a recorded campaign, how its values map to pixels; undefined for inputs that are not images. */
export function recordedImageFormats(
  inputs: readonly ManifestInput[],
  { preprocess }: Pick<CampaignConfig, 'preprocess'>,
): (ImageFormat | undefined)[] {
  return inputs.map((input) => {
    const settings = preprocess?.[input.name];
    const isImage = settings !== undefined || inferInputKind(input) === 'image';
    return isImage ? resolveImageFormat(input, settings, input.range) : undefined;
  });
}
