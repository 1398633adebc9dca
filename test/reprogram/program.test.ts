import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { layoutOf } from '../../src/mutators/image/layout.ts';
import {
  addProgramGradient,
  applyProgram,
  drawOffset,
  frameMask,
  type Placement,
  patchMask,
  patchPlaces,
  programValues,
} from '../../src/reprogram/program.ts';

const place = (mode: Placement['mode'], mask: readonly number[]): Placement => ({
  mode,
  mask: Uint8Array.from(mask),
  epsilon: 0.25,
  low: new Float64Array(mask.length).fill(-1),
  high: new Float64Array(mask.length).fill(3),
});

describe('a program', () => {
  test('is added within its limit and the legal values', () => {
    const placement = place('add', [1, 1, 1, 0]);
    const values = programValues([20, -20, 0, 20], placement);
    expect([...values]).toEqual([0.25, -0.25, 0, 0]);
    expect([...applyProgram([2.9, 0, 1, 1], values, placement)]).toEqual([3, -0.25, 1, 1]);
  });

  test('is written in place of values, from the lowest to the highest legal one', () => {
    const placement = place('replace', [1, 1, 1, 0]);
    const values = programValues([20, -20, 0, 20], placement);
    expect([...values]).toEqual([3, -1, 1, 0]);
    expect([...applyProgram([0, 0, 0, 0.5], values, placement)]).toEqual([3, -1, 1, 0.5]);
  });

  test.each(['add', 'replace'] as const)('%s: its gradient is that of differences', (mode) => {
    const placement = place(mode, [1, 1, 1, 0]);
    const input = [0.5, 2.99, 1, 1];
    const weights = Float64Array.of(0.3, 0.4, -0.7, 0.2);
    // A loss of squares.
    const lossAt = (w: Float64Array): number =>
      applyProgram(input, programValues(w, placement), placement).reduce((sum, x) => sum + x * x, 0);
    const slope = applyProgram(input, programValues(weights, placement), placement).map((x) => 2 * x);
    const gradient = new Float64Array(4);
    addProgramGradient(input, weights, slope, placement, gradient);
    const step = 1e-6;
    for (let i = 0; i < 4; i++) {
      const moved = (by: number): Float64Array => weights.map((w, k) => (k === i ? w + by : w));
      expect(gradient[i]).toBeCloseTo((lossAt(moved(step)) - lossAt(moved(-step))) / (2 * step), 4);
    }
  });
});

describe('masks', () => {
  const picture = { channelsFirst: false, channels: 1, black: [0], white: [1], bgr: false } as const;
  const rows = (mask: Uint8Array, width: number): string[] =>
    Array.from({ length: mask.length / width }, (_, row) =>
      mask.slice(row * width, (row + 1) * width).join(''),
    );

  test('of a frame and of a patch', () => {
    const layout = layoutOf(picture as never, [4, 5, 1]);
    expect(rows(frameMask(layout, 1), 5)).toEqual(['11111', '10001', '10001', '11111']);
    expect(rows(patchMask(layout, { height: 2, width: 3, top: 1, left: 2 }), 5)).toEqual([
      '00000',
      '00111',
      '00111',
      '00000',
    ]);
  });

  test('cover all channels, first or last', () => {
    const last = layoutOf(
      { ...picture, channels: 3, black: [0, 0, 0], white: [1, 1, 1] } as never,
      [2, 2, 3],
    );
    expect([...patchMask(last, { height: 1, width: 1, top: 0, left: 1 })]).toEqual([
      0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0,
    ]);
    const first = layoutOf(
      { ...picture, channelsFirst: true, channels: 2, black: [0, 0], white: [1, 1] } as never,
      [2, 2, 2],
    );
    expect([...patchMask(first, { height: 1, width: 1, top: 1, left: 0 })]).toEqual([0, 0, 1, 0, 0, 0, 1, 0]);
  });
});

describe('a patch that lies anywhere', () => {
  const picture = { channelsFirst: false, channels: 1, black: [0], white: [1], bgr: false } as const;
  const layout = layoutOf(picture as never, [4, 5, 1]);
  const placement: Placement = {
    ...place('replace', [1, 1, 1, 0]),
    places: patchPlaces(layout, { height: 2, width: 2 }),
  };

  test('has the positions of its upper left place, and is moved by an offset', () => {
    expect([...(placement.places?.positions ?? [])]).toEqual([0, 1, 5, 6]);
    expect(placement.places).toMatchObject({ rows: 3, columns: 4, rowStep: 5, columnStep: 1 });
    const changed = applyProgram(new Float64Array(20), [1, 2, 3, 3], placement, { offset: 13 });
    expect([...changed.keys()].filter((i) => changed[i] !== 0)).toEqual([13, 14, 18]);
    expect(changed[18]).toBe(3);
  });

  test('is drawn over all its places, and never leaves the picture', () => {
    const random = randomStream('places');
    const drawn = new Set(Array.from({ length: 400 }, () => drawOffset(placement, random)));
    expect([...drawn].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13]);
  });

  test('has the gradient of differences where it lies', () => {
    const weights = Float64Array.of(0.3, 0.4, -0.7, 0.2);
    const at = (w: Float64Array): Float64Array =>
      applyProgram(new Float64Array(20).fill(0.5), programValues(w, placement), placement, { offset: 7 });
    const slope = at(weights).map((x) => 2 * x);
    const gradient = new Float64Array(4);
    addProgramGradient(new Float64Array(20).fill(0.5), weights, slope, placement, gradient, { offset: 7 });
    const lossAt = (w: Float64Array): number => at(w).reduce((sum, x) => sum + x * x, 0);
    for (let i = 0; i < 4; i++) {
      const moved = (by: number): Float64Array => weights.map((w, k) => (k === i ? w + by : w));
      expect(gradient[i]).toBeCloseTo((lossAt(moved(1e-6)) - lossAt(moved(-1e-6))) / 2e-6, 4);
    }
  });

  test('of channels that come first has its values in their order', () => {
    const first = layoutOf(
      { ...picture, channelsFirst: true, channels: 3, black: [0, 0, 0], white: [1, 1, 1] } as never,
      [3, 3, 3],
    );
    expect([...patchPlaces(first, { height: 1, width: 2 }).positions]).toEqual([0, 1, 9, 10, 18, 19]);
  });
});

test('a share of a change is a step of that length toward it', () => {
  const [add, replace] = [place('add', [1, 0]), place('replace', [1, 0])];
  expect([...applyProgram([1, 1], [0.25, 0], add, { strength: 0.5 })]).toEqual([1.125, 1]);
  expect([...applyProgram([1, 1], [3, 0], replace, { strength: 0.5 })]).toEqual([2, 1]);
  expect([...applyProgram([1, 1], [3, 0], replace, { strength: 0 })]).toEqual([1, 1]);
});
