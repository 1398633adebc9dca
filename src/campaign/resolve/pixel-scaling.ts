import type { PreprocessSettings } from '../../config/schema.ts';
import type { PixelScaling } from '../../inputs/fit-to-input.ts';
import { resolveImageFormat } from '../../inputs/image.ts';
import type { InferredInput } from '../../inputs/infer-input.ts';
import type { Range } from '../../inputs/range.ts';
import type { InputSpec } from '../../model/model.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import { rangeOfPicture } from './ranges.ts';

/** Values that the levels 0 to 255 are scaled to where neither settings nor model name a range. */
const DEFAULT_INTERVAL = [0, 1] as const;

/** The 8-bit levels of an input of whole numbers, which are not scaled. */
const LEVELS = [0, 255] as const;

/** How each input takes 8-bit levels, and the ranges that are declared by then. */
export interface ScaledInputs {
  readonly scalings: readonly PixelScaling[];
  /** `ranges`, and for inputs with `preprocess` settings the range that follows from those. */
  readonly declaredRanges: ReadonlyMap<string, Range>;
}

/**
 * Resolves how each input takes 8-bit levels.
 *
 * @param inputs without the batch dimension
 * @param ranges declared ranges, by input
 */
export function resolvePixelScaling(
  inputs: readonly InputSpec[],
  inferredInputs: readonly InferredInput[],
  ranges: ReadonlyMap<string, Range>,
  preprocess: ReadonlyMap<string, PreprocessSettings>,
): ScaledInputs {
  const declaredRanges = new Map(ranges);
  const scalings = inputs.map((input, i): PixelScaling => {
    const range = ranges.get(input.name);
    const settings = preprocess.get(input.name);
    const interval = DTYPES[input.type].kind === 'float' ? floatInterval(range, inferredInputs[i]) : LEVELS;
    const takesImages = settings !== undefined || inferredInputs[i].kind === 'image';
    const imageFormat = takesImages ? resolveImageFormat(input, settings, interval) : undefined;
    if (settings !== undefined && imageFormat !== undefined && range === undefined)
      declaredRanges.set(input.name, rangeOfPicture(imageFormat));
    return { interval, imageFormat };
  });
  return { scalings, declaredRanges };
}

function floatInterval(range: Range | undefined, inferred: InferredInput): readonly [number, number] {
  if (range !== undefined) return [range.low, range.high];
  return inferred.kind === 'image' ? [inferred.range.low, inferred.range.high] : DEFAULT_INTERVAL;
}
