import { batchLayout } from '../../model/batch-axis.ts';
import type { InputSpec } from '../../model/model.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import type { Interval } from '../numerical-sites/interval.ts';
import { type ElementBounds, type ElementShape, makeBounds } from './element-bounds.ts';

/** Bounds of the elements of inputs, by name; of inputs that are missing, intervals are what is known. */
export type InputBox = ReadonlyMap<string, ElementBounds>;

/** Where the values of inputs lie. */
export interface InputBoxes {
  /** A box for each shape of testcases, which holds all of that shape; empty where shapes are not known. */
  readonly boxes: readonly InputBox[];
  /** A box for each seed, which together hold all testcases; empty where the values do not depend on the seed. */
  readonly seedBoxes: readonly InputBox[];
}

/** Values of all boxes of an analysis, at most. */
export const MAX_BOX_VALUES = 2 ** 21;

/**
 * The shape of each input for testcases of these shapes; undefined for an input whose batch is not its first dimension.
 *
 * @param shapes of one testcase's inputs, without the batch
 */
export function elementShapes(
  inputs: readonly InputSpec[],
  shapes: readonly (readonly number[])[],
): (ElementShape | undefined)[] {
  const { axis, positions } = batchLayout(inputs);
  return shapes.map((shape, i) => {
    if (axis === 'none') return { shape, isBatched: false };
    return positions[i] === 0 ? { shape: [1, ...shape], isBatched: axis === 'free' } : undefined;
  });
}

/** The box of inputs whose values all lie within one interval each; none where sizes beside the batch are open. */
export function uniformBoxes(
  inputs: readonly InputSpec[],
  intervals: ReadonlyMap<string, Interval>,
): InputBoxes {
  const { axis, positions } = batchLayout(inputs);
  const shapes = inputs.map(({ shape }, i) => (axis === 'none' ? shape : shape.toSpliced(positions[i], 1)));
  const known = shapes.filter((shape): shape is number[] => shape.every((size) => size !== null));
  const values = known.reduce((sum, shape) => sum + sizeOf(shape), 0);
  if (known.length < shapes.length || values > MAX_BOX_VALUES) return { boxes: [], seedBoxes: [] };
  const box = new Map<string, ElementBounds>();
  elementShapes(inputs, known).forEach((shape, i) => {
    const interval = intervals.get(inputs[i].name);
    if (shape === undefined || interval === undefined || inputs[i].strings !== undefined) return;
    const bounds = makeBounds(shape);
    bounds.low.fill(interval.low);
    bounds.high.fill(interval.high);
    box.set(inputs[i].name, bounds);
  });
  return { boxes: [box], seedBoxes: [] };
}
