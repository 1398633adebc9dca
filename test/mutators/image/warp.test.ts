import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import type { ImageFormat } from '../../../src/inputs/image.ts';
import { layoutOf } from '../../../src/mutators/image/layout.ts';
import { type Affine, warp } from '../../../src/mutators/image/warp.ts';
import { mutantOf, pictureTraits, shapeOf } from '../../support/mutators.ts';

const SIDE = 24;

/** A smooth picture with a frame of black, so that borders do not matter. */
const levels = Float32Array.from({ length: SIDE * SIDE }, (_, i) => {
  const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
  const isInside = x > 6 && y > 6 && x < SIDE - 7 && y < SIDE - 7;
  return isInside ? Math.round(128 + 90 * Math.sin(0.7 * x) * Math.cos(0.5 * y)) / 255 : 0;
});

/** The same map by sharp (libvips): its matrix goes from the source to the result. */
async function bySharp({ a, b, c, d, e, f }: Affine) {
  const area = a * e - b * d;
  const [p, q, r, s] = [e / area, -b / area, -d / area, a / area];
  const middle = (SIDE - 1) / 2;
  // result = M · (source − middle − shift) + middle
  const odx = middle - p * (middle + c) - q * (middle + f);
  const ody = middle - r * (middle + c) - s * (middle + f);
  const data = Uint8Array.from(levels, (level) => Math.round(255 * level));
  const { data: made, info } = await sharp(data, { raw: { width: SIDE, height: SIDE, channels: 1 } })
    .affine(
      [
        [p, q],
        [r, s],
      ],
      { background: '#000000', interpolator: sharp.interpolators.bilinear, odx, ody },
    )
    .extractChannel(0)
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { made, width: info.width, height: info.height };
}

/** The largest difference to a picture of sharp's, whose canvas begins at a whole pixel of its own choosing. */
function furthestFrom(
  ours: Float32Array,
  { made, width, height }: Awaited<ReturnType<typeof bySharp>>,
): number {
  let best = Number.POSITIVE_INFINITY;
  for (let top = -SIDE; top <= SIDE; top++) {
    for (let left = -SIDE; left <= SIDE; left++) {
      let furthest = 0;
      for (let i = 0; i < ours.length && furthest < best; i++) {
        const [column, row] = [(i % SIDE) + left, Math.floor(i / SIDE) + top];
        const isOutside = column < 0 || row < 0 || column >= width || row >= height;
        const theirs = isOutside ? 0 : made[row * width + column] / 255;
        furthest = Math.max(furthest, Math.abs(ours[i] - theirs));
      }
      best = Math.min(best, furthest);
    }
  }
  return best;
}

const cos = Math.cos(0.5);
const sin = Math.sin(0.5);

describe('bilinear sampling agrees with sharp:', () => {
  test.each<[string, Affine]>([
    ['nothing', { a: 1, b: 0, c: 0, d: 0, e: 1, f: 0 }],
    ['a shift by parts of a pixel', { a: 1, b: 0, c: 1.3, d: 0, e: 1, f: -2.6 }],
    ['a turn', { a: cos, b: sin, c: 0, d: -sin, e: cos, f: 0 }],
    ['an enlargement', { a: 1 / 1.4, b: 0, c: 0, d: 0, e: 1 / 1.2, f: 0 }],
    ['a slant', { a: 1, b: 0.3, c: 0, d: 0, e: 1, f: 0 }],
    ['all of them', { a: 0.9 * cos, b: 1.1 * sin, c: 1.5, d: -0.8 * sin, e: cos, f: 0.25 }],
  ])('%s', async (_name, affine) => {
    const layout = layoutOf(pictureTraits(SIDE, SIDE).picture as ImageFormat, [SIDE, SIDE, 1]);
    const ours = new Float32Array(SIDE * SIDE);
    warp(levels, ours, 0, layout, affine);
    expect(ours.reduce((sum, level) => sum + level, 0)).toBeGreaterThan(10);
    // Two of 255 levels: libvips rounds levels and its weights.
    expect(furthestFrom(ours, await bySharp(affine))).toBeLessThan(2.01 / 255);
  });
});

describe('mutators of pictures', () => {
  const traits = pictureTraits(3, 3);
  const parent = Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9);
  const once = (name: string, key: number) => [...mutantOf(name, parent, traits, shapeOf(traits), key)];

  test('mirror turns left to right or top to bottom', () => {
    const across = [2, 1, 0, 5, 4, 3, 8, 7, 6].map((i) => parent[i]);
    const down = [6, 7, 8, 3, 4, 5, 0, 1, 2].map((i) => parent[i]);
    const seen = new Set(Array.from({ length: 20 }, (_, key) => once('mirror', key).join()));
    expect(seen).toEqual(new Set([across.join(), down.join()]));
  });

  test('contrast leaves the middle grey where it is, brightness moves all levels alike', () => {
    for (let key = 0; key < 20; key++) {
      expect(once('contrast', key)[4]).toBeCloseTo(0.5, 6);
      const shifts = once('brightness', key)
        .map((value, i) => ({ value, shift: value - parent[i] }))
        .filter(({ value }) => value > 0 && value < 1);
      for (const { shift } of shifts) expect(shift).toBeCloseTo(shifts[0].shift, 6);
    }
  });

  test('low-contrast is (x − mean) · c + mean of ImageNet-C', () => {
    const made = mutantOf('low-contrast', parent, traits, shapeOf(traits), 1, { severity: 1 });
    made.forEach((value, i) => {
      expect(value).toBeCloseTo((parent[i] - 0.5) * 0.4 + 0.5, 6);
    });
  });

  test('a channel layout does not matter: the same picture, channels first and last, blue first', () => {
    const last = pictureTraits(9, 9, { channels: 3 });
    const first = pictureTraits(9, 9, { channels: 3, channelsFirst: true });
    const bgr = pictureTraits(9, 9, { channels: 3, bgr: true });
    const picture = Float32Array.from({ length: 243 }, (_, i) => 0.5 + 0.4 * Math.sin(i));
    const pixels = 81;
    const turned = picture.map((_, i) => picture[(i % pixels) * 3 + Math.floor(i / pixels)]);
    const swapped = picture.map((_, i) => picture[i - (i % 3) + 2 - (i % 3)]);
    for (const name of ['rotate', 'blur', 'gamma', 'fog', 'snow', 'bright', 'elastic', 'jpeg', 'zoom-blur']) {
      const [a, b, c] = [
        mutantOf(name, picture, last, shapeOf(last), name),
        mutantOf(name, turned, first, shapeOf(first), name),
        mutantOf(name, swapped, bgr, shapeOf(bgr), name),
      ];
      for (let i = 0; i < 243; i++) {
        expect(b[(i % 3) * pixels + Math.floor(i / 3)]).toBeCloseTo(a[i], 5);
        expect(c[i - (i % 3) + 2 - (i % 3)]).toBeCloseTo(a[i], 5);
      }
    }
  });

  test('severities of ImageNet-C grow: noise has the deviations of the paper', () => {
    const grey = new Float32Array(28 * 28).fill(0.5);
    const wide = pictureTraits(28, 28);
    [0.08, 0.12, 0.18, 0.26, 0.38].forEach((deviation, i) => {
      const squares = Array.from({ length: 20 }, (_, key) => {
        const made = mutantOf('gaussian-noise', grey, wide, [28, 28, 1], `${i} ${key}`, { severity: i + 1 });
        // What was clipped says less than it was.
        const inside = Array.from(made).filter((value) => value > 0 && value < 1);
        return inside.reduce((sum, value) => sum + (value - 0.5) ** 2, 0) / 784;
      });
      const mean = squares.reduce((sum, one) => sum + one, 0) / squares.length;
      if (deviation < 0.2) expect(Math.abs(Math.sqrt(mean) / deviation - 1)).toBeLessThan(0.05);
      else expect(Math.sqrt(mean)).toBeGreaterThan(0.18);
    });
  });
});

test('jpeg comes near to what libjpeg makes of the same picture at the same quality', async () => {
  const side = 32;
  const traits = pictureTraits(side, side);
  const picture = Float32Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [i % side, Math.floor(i / side)];
    return Math.round(255 * (0.5 + 0.3 * Math.sin(x / 4) + 0.15 * Math.cos(y * y * 0.05))) / 255;
  });
  const bytes = Uint8Array.from(picture, (level) => Math.round(255 * level));
  for (const [severity, quality] of [
    [1, 25],
    [5, 7],
  ]) {
    const ours = mutantOf('jpeg', picture, traits, shapeOf(traits), 1, { severity });
    const packed = await sharp(bytes, { raw: { width: side, height: side, channels: 1 } })
      .jpeg({ quality, optimiseCoding: false })
      .toBuffer();
    const theirs = await sharp(packed).extractChannel(0).raw().toBuffer();
    const far = ours.map((value, i) => Math.abs(value - theirs[i] / 255));
    const lost = picture.map((value, i) => Math.abs(value - theirs[i] / 255));
    const mean = (all: {
      reduce(add: (sum: number, one: number) => number, from: number): number;
      length: number;
    }) => all.reduce((sum, one) => sum + one, 0) / all.length;
    expect(mean(far as Float32Array)).toBeLessThan(0.25 * mean(lost));
  }
});
