import type { Random } from '../../core/random.ts';
import type { DefaultedParameter } from '../../extensions/parameters.ts';

/** The severity of a corruption, as ImageNet-C numbers it. */
export const SEVERITY: DefaultedParameter = {
  name: 'severity',
  default: 0,
  help: "1 to 5 as in ImageNet-C, scaled to the picture's size; 0 draws one for each mutant",
  min: 0,
  max: 5,
  integer: true,
};

/** One setting for each severity from 1 to 5. */
export type PerSeverity<T> = readonly [T, T, T, T, T];

/** The setting of a severity; 0 draws one. */
export function settingAtSeverity<T>(settings: PerSeverity<T>, severity: number, random: Random): T {
  return settings[severity === 0 ? random.below(settings.length) : severity - 1];
}

/** Side in pixels of the pictures that ImageNet-C's lengths are for; lengths scale with the picture. */
export const IMAGENET_SIDE = 224;
