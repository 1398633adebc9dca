import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { Layout, LevelMutation } from '../image/layout.ts';
import { mutateLevels } from '../image/layout.ts';
import type { MutatorKind } from '../mutator.ts';
import { IMAGENET_SIDE, type PerSeverity, SEVERITY, settingAtSeverity } from './severity.ts';

/** How a corruption works on levels once its setting is drawn. */
export type LevelCorruption<T> = (setting: T, ...rest: Parameters<LevelMutation>) => void;

/**
 * A corruption of ImageNet-C (Hendrycks & Dietterich, ICLR 2019): its settings by severity, and its work on
 * levels from 0 to 1.
 *
 * @param make made once for an input, with whatever room it needs
 */
export function makeCorruption<T>(
  { name, help, cost }: { readonly name: string; readonly help: string; readonly cost: number },
  settings: PerSeverity<T>,
  make: (input: InputDescriptor) => LevelCorruption<T>,
): MutatorKind {
  return {
    name,
    help,
    source: 'ImageNet-C (Hendrycks & Dietterich 2019)',
    domains: ['image'],
    parameters: [SEVERITY],
    cost,
    make: mutateLevels((value, input) => {
      const severity = value(SEVERITY);
      const work = make(input);
      return (seen, out, layout, given) =>
        work(settingAtSeverity(settings, severity, given.random), seen, out, layout, given);
    }),
  };
}

/** Lengths of ImageNet-C, given for sides of 224 pixels, times this are lengths in a picture. */
export function lengthScale({ width, height }: Layout): number {
  return Math.min(width, height) / IMAGENET_SIDE;
}

/** Values of a picture. */
export function imageSize({ width, height, channels }: Layout): number {
  return width * height * channels;
}
