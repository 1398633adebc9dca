import type { Random } from '../../core/random.ts';
import type { DefaultedParameter } from '../../extensions/parameters.ts';

/** How strong a corruption of ImageNet-C is. */
export const SEVERITY: DefaultedParameter = {
  name: 'severity',
  default: 0,
  help: '1 to 5 as in ImageNet-C, which 28×28 is scaled to; 0 draws one for each mutant',
  min: 0,
  max: 5,
  integer: true,
};

/** Severities of ImageNet-C, the first at 1. */
export type PerSeverity<T> = readonly [T, T, T, T, T];

/** The setting of a severity, or of one that is drawn. */
export function settingAtSeverity<T>(settings: PerSeverity<T>, severity: number, random: Random): T {
  return settings[severity === 0 ? random.below(settings.length) : severity - 1];
}

/** Side of the pictures that ImageNet-C's lengths are given for; they shrink and grow with the picture. */
export const IMAGENET_SIDE = 224;
