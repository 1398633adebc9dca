import type { InputTraits } from '../../inputs/input-descriptor.ts';
import type { Layout, PixelWork } from '../image/layout.ts';
import { onLevels } from '../image/layout.ts';
import type { MutatorKind } from '../mutator.ts';
import { atSeverity, IMAGENET_SIDE, type PerSeverity, SEVERITY } from './severity.ts';

/** How a corruption works on levels once its setting is drawn. */
export type Corrupt<T> = (setting: T, ...rest: Parameters<PixelWork>) => void;

/**
 * A corruption of ImageNet-C (Hendrycks & Dietterich, ICLR 2019): its settings by severity, and its work on
 * levels from 0 to 1.
 *
 * @param make made once for an input, with whatever room it needs
 */
export function corruption<T>(
  { name, help, cost }: { readonly name: string; readonly help: string; readonly cost: number },
  settings: PerSeverity<T>,
  make: (input: InputTraits) => Corrupt<T>,
): MutatorKind {
  return {
    name,
    help,
    source: 'ImageNet-C (Hendrycks & Dietterich 2019)',
    domains: ['image'],
    parameters: [SEVERITY],
    cost,
    make: onLevels((value, input) => {
      const severity = value(SEVERITY);
      const work = make(input);
      return (seen, out, layout, given) =>
        work(atSeverity(settings, severity, given.random), seen, out, layout, given);
    }),
  };
}

/** Lengths of ImageNet-C, given for sides of 224 pixels, times this are lengths in a picture. */
export function scaleOf({ width, height }: Layout): number {
  return Math.min(width, height) / IMAGENET_SIDE;
}

/** Values of a picture. */
export function sizeOf({ width, height, channels }: Layout): number {
  return width * height * channels;
}
