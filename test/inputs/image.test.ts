import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BoundsTracker } from '../../src/constraints/bounds.ts';
import { fitImage } from '../../src/inputs/formats/png.ts';
import {
  type ImageFormat,
  levelsToValues,
  resolveImageFormat,
  valuesToLevels,
} from '../../src/inputs/image.ts';
import type { DType } from '../../src/tensor/tensor.ts';

const input = (shape: readonly (number | null)[], type: DType = 'float32') => ({
  name: 'image',
  type,
  shape,
});
const plain = { scale: 255, mean: 0, std: 1, colour: 'RGB', resize: 'crop' } as const;
const picture = (shape: readonly (number | null)[], settings: object): ImageFormat =>
  resolveImageFormat(input(shape), { ...plain, ...settings }, [0, 1]) as ImageFormat;

describe('values of a picture', () => {
  test('are (level / scale - mean) / std, in the layout and colour order declared', () => {
    const levels = [255, 0, 51, 0, 255, 102];
    const wide = picture([1, 2, 3], { mean: [0.5, 0.5, 0], std: [0.5, 0.25, 1] });
    expect([...levelsToValues(levels, wide)].map((v) => Number(v.toFixed(6)))).toEqual([
      1, -2, 0.2, -1, 2, 0.4,
    ]);
    const planes = picture([3, 1, 2], { layout: 'NCHW' });
    expect([...levelsToValues(levels, planes)].map((v) => Number(v.toFixed(6)))).toEqual([
      1, 0, 0, 1, 0.2, 0.4,
    ]);
    const turned = picture([3, 1, 2], { layout: 'NCHW', colour: 'BGR', scale: 1 });
    expect([...levelsToValues(levels, turned)]).toEqual([51, 102, 0, 255, 255, 0]);
  });

  test('give the levels back, whatever the settings', () => {
    const settings = fc.record({
      scale: fc.constantFrom(1, 127.5, 255),
      mean: fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 3, maxLength: 3 }),
      std: fc.array(fc.double({ min: 0.01, max: 3, noNaN: true }), { minLength: 3, maxLength: 3 }),
      colour: fc.constantFrom('RGB', 'BGR'),
    });
    const levels = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(settings, levels, fc.boolean(), (declared, given, planes) => {
        const made = picture(planes ? [3, 2, 2] : [2, 2, 3], {
          ...declared,
          layout: planes ? 'NCHW' : 'NHWC',
        });
        expect([...valuesToLevels(Float32Array.from(levelsToValues(given, made)), made)]).toEqual(given);
      }),
    );
  });

  test('that are not finite, or beyond what levels are, become black and white', () => {
    const made = picture([1, 4], {});
    expect([...valuesToLevels([Number.NaN, -1, 2, Number.POSITIVE_INFINITY], made)]).toEqual([0, 0, 255, 0]);
  });
});

test('a picture of another size is cut, bordered or stretched to the size of the input', async () => {
  const data = Uint8Array.from({ length: 8 * 4 }, (_, i) => (i % 8 < 4 ? 0 : 200));
  const wide = { type: 'uint8', shape: [4, 8, 1], data } as const;
  const corners = async (resize: string) => {
    const { height, width, levels } = await fitImage(wide, picture([4, 4, 1], { resize }));
    expect([height, width, levels.length]).toEqual([4, 4, 16]);
    return [levels[0], levels[3], levels[4], levels[7]];
  };
  const [left, right] = await corners('crop');
  expect([left < 40, right > 160]).toEqual([true, true]);
  expect((await corners('fit')).slice(0, 2)).toEqual([0, 0]);
  expect((await corners('fit'))[3]).toBeGreaterThan(100);
  const open = await fitImage(wide, picture([null, null, 3], {}));
  expect([open.height, open.width, open.levels.length]).toEqual([4, 8, 96]);
});

test('bounds follow the channels, in both layouts', () => {
  const channels = [
    { low: -1, high: 0 },
    { low: 5, high: 6 },
  ];
  const range = { low: -1, high: 6, channels };
  const lows = (channelsFirst: boolean) => [
    ...new BoundsTracker('float32', 4, { range: { ...range, channelsFirst } }).low,
  ];
  expect(lows(true)).toEqual([-1, -1, 5, 5]);
  expect(lows(false)).toEqual([-1, 5, -1, 5]);
  const near = new BoundsTracker('float32', 4, {
    range: { ...range, channelsFirst: true },
    linf: 0.5,
  }).centreOn(Float32Array.of(-1, 0, 5, 6));
  expect([...near.high]).toEqual([-0.5, 0, 5.5, 6]);
});
