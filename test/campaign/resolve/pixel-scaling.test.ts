import { expect, test } from '@jest/globals';
import { resolvePixelScaling } from '../../../src/campaign/resolve/pixel-scaling.ts';
import type { PreprocessSettings } from '../../../src/config/schema.ts';
import type { InferredInput } from '../../../src/inputs/infer-input.ts';
import type { Range } from '../../../src/inputs/range.ts';
import type { InputSpec } from '../../../src/model/model.ts';

const IMAGE: InputSpec = { name: 'image', type: 'float32', shape: [8, 8, 1] };
const INFERRED: InferredInput = {
  kind: 'image',
  kindReason: '',
  range: { low: 0, high: 1 },
  rangeReason: '',
  isRangeKnown: false,
  isFromModel: false,
  seedValue: undefined,
  stays: false,
  splits: undefined,
};
const HALVED: PreprocessSettings = { scale: 255, mean: 0.5, std: 0.5, colour: 'RGB', resize: 'crop' };

const scalingOf = (
  input: InputSpec = IMAGE,
  ranges: ReadonlyMap<string, Range> = new Map(),
  preprocess: ReadonlyMap<string, PreprocessSettings> = new Map(),
) => resolvePixelScaling([input], [INFERRED], ranges, preprocess);

test('levels are scaled to the declared range, else to what the input is inferred to take', () => {
  expect(scalingOf().scalings[0].interval).toEqual([0, 1]);
  const declared = new Map([['image', { low: -1, high: 1 }]]);
  expect(scalingOf(IMAGE, declared).scalings[0].interval).toEqual([-1, 1]);
});

test('an input of whole numbers takes levels as they are', () => {
  expect(scalingOf({ ...IMAGE, type: 'uint8' }).scalings[0].interval).toEqual([0, 255]);
});

test('the range follows from preprocess settings, unless it is declared too', () => {
  const preprocess = new Map([['image', HALVED]]);
  expect(scalingOf(IMAGE, new Map(), preprocess).declaredRanges.get('image')).toEqual({ low: -1, high: 1 });
  const declared = new Map([['image', { low: 0, high: 2 }]]);
  expect(scalingOf(IMAGE, declared, preprocess).declaredRanges).toEqual(declared);
  expect(scalingOf().declaredRanges.size).toBe(0);
});
