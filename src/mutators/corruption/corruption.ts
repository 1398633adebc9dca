import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { Layout, LevelMutation } from '../image/layout.ts';
import { mutateLevels } from '../image/layout.ts';
import type { MutatorKind } from '../mutator.ts';
import { IMAGENET_SIDE, type PerSeverity, SEVERITY, settingAtSeverity } from './severity.ts';

/** Corrupts the levels of a picture by the setting of a severity. */
export type LevelCorruption<T> = (setting: T, ...rest: Parameters<LevelMutation>) => void;

/**
 * A corruption of ImageNet-C (Hendrycks & Dietterich, ICLR 2019), on levels from 0 to 1.
 *
 * @param settings by severity
 * @param make called once for an input; it allocates its buffers
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
      return (seen, out, layout, context) =>
        work(settingAtSeverity(settings, severity, context.random), seen, out, layout, context);
    }),
  };
}

/** Factor from ImageNet-C's lengths, which are for sides of 224 pixels, to those of a picture. */
export function lengthScale({ width, height }: Layout): number {
  return Math.min(width, height) / IMAGENET_SIDE;
}

/** Number of values of a picture. */
export function imageSize({ width, height, channels }: Layout): number {
  return width * height * channels;
}
