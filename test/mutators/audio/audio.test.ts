import { describe, expect, test } from '@jest/globals';
import { mutantOf, traitsOf } from '../../support/mutators.ts';

const SAMPLES = 400;
const SIGNAL = traitsOf({ domains: ['numbers', 'audio'], size: SAMPLES, range: { low: -1, high: 1 } });
/** A tone of amplitude 0.5 and ten periods. */
const TONE = Float32Array.from(
  { length: SAMPLES },
  (_, i) => 0.5 * Math.sin((2 * Math.PI * 10 * i) / SAMPLES),
);

/** Mutants of the tone, one for each of 50 keys. */
function mutantsOf(name: string, values: Readonly<Record<string, number>> = {}): Float32Array[] {
  return Array.from(
    { length: 50 },
    (_, key) => mutantOf(name, TONE, SIGNAL, [SAMPLES], key, values) as Float32Array,
  );
}

/** Largest difference of values from those of a formula. */
const errorOf = (values: Float32Array, formula: (i: number) => number): number =>
  values.reduce((most, value, i) => Math.max(most, Math.abs(value - formula(i))), 0);

const rms = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0) / values.length);

test('gain multiplies by one factor of at most so many decibels, up or down', () => {
  const decibels = mutantsOf('gain', { most: 6 }).map((mutant) => {
    const factor = mutant[10] / TONE[10];
    expect(errorOf(mutant, (i) => factor * TONE[i])).toBeLessThan(1e-6);
    return 20 * Math.log10(factor);
  });
  expect(Math.max(...decibels.map(Math.abs))).toBeLessThanOrEqual(6.001);
  expect(Math.max(...decibels)).toBeGreaterThan(4);
  expect(Math.min(...decibels)).toBeLessThan(-4);
});

test('offset adds one number of at most a share of the range', () => {
  for (const mutant of mutantsOf('offset', { most: 0.1 })) {
    const added = mutant[0] - TONE[0];
    expect(Math.abs(added)).toBeLessThanOrEqual(0.2);
    expect(errorOf(mutant, (i) => TONE[i] + added)).toBeLessThan(1e-6);
  }
});

test('noise has the drawn ratio to the root mean square of the signal', () => {
  const ratios = mutantsOf('noise', { snr: 10 }).map((mutant) => {
    const noise = mutant.map((value, i) => value - TONE[i]);
    return 20 * Math.log10(rms(TONE) / rms(noise));
  });
  // The deviation of 400 draws is within a tenth of what it should be: 1 dB.
  expect(Math.min(...ratios)).toBeGreaterThan(9);
  expect(Math.max(...ratios)).toBeLessThan(51);
  expect(Math.max(...ratios) - Math.min(...ratios)).toBeGreaterThan(25);
});

test('noise is heard in silence too', () => {
  const mutant = mutantOf('noise', new Float32Array(SAMPLES), SIGNAL, [SAMPLES], 1);
  expect(rms(mutant)).toBeGreaterThan(5e-4);
  expect(rms(mutant)).toBeLessThan(5e-3);
});

test('silence makes one stretch of at most a share of the length zero, in all channels alike', () => {
  for (let key = 0; key < 50; key++) {
    const parent = new Float32Array(SAMPLES).fill(0.5);
    const mutant = mutantOf('silence', parent, SIGNAL, [2, SAMPLES / 2], key);
    const [left, right] = [mutant.slice(0, SAMPLES / 2), mutant.slice(SAMPLES / 2)];
    expect(left).toEqual(right);
    const zeros = [...left.keys()].filter((i) => left[i] === 0);
    expect(zeros.length).toBeGreaterThan(0);
    expect(zeros.length).toBeLessThanOrEqual(SAMPLES / 8);
    expect(zeros.at(-1)).toBe(zeros[0] + zeros.length - 1);
  }
});

describe('resample', () => {
  test('plays a line at another speed, and silence behind its end', () => {
    const line = Float32Array.from({ length: SAMPLES }, (_, i) => i / SAMPLES);
    const speeds = Array.from({ length: 50 }, (_, key) => {
      const mutant = mutantOf('resample', line, SIGNAL, [SAMPLES], key, { most: 2 });
      const speed = mutant[50] / line[50];
      const lastSample = Math.floor((SAMPLES - 1) / speed);
      const sounding = mutant.slice(0, Math.min(SAMPLES, lastSample)) as Float32Array;
      expect(errorOf(sounding, (t) => (speed * t) / SAMPLES)).toBeLessThan(1e-4);
      expect(rms(mutant.slice(lastSample + 2))).toBe(lastSample + 2 < SAMPLES ? 0 : Number.NaN);
      return speed;
    });
    expect(Math.max(...speeds)).toBeGreaterThan(1.6);
    expect(Math.min(...speeds)).toBeLessThan(0.65);
    expect(Math.max(...speeds.map((speed) => Math.abs(Math.log2(speed))))).toBeLessThanOrEqual(1.001);
  });
});

test('clip cuts what lies beyond a level between a share of the peak and the peak', () => {
  const peak = Math.max(...TONE);
  for (const mutant of mutantsOf('clip', { least: 0.4 })) {
    const level = Math.max(...mutant);
    expect(level).toBeGreaterThanOrEqual(0.4 * peak - 1e-6);
    expect([...mutant]).toEqual([...TONE.map((value) => Math.min(level, Math.max(-level, value)))]);
  }
});

test('shift moves all channels alike by at most a share of the length, and leaves silence', () => {
  const parent = Float32Array.from({ length: SAMPLES }, (_, i) => ((i % (SAMPLES / 2)) + 1) / SAMPLES);
  const distances = Array.from({ length: 50 }, (_, key) => {
    const mutant = mutantOf('shift', parent, SIGNAL, [2, SAMPLES / 2], key, { most: 0.1 });
    const [left, right] = [mutant.slice(0, SAMPLES / 2), mutant.slice(SAMPLES / 2)];
    expect(left).toEqual(right);
    const silent = left.filter((value) => value === 0).length;
    const isLater = left[0] === 0;
    const wanted = Float32Array.from(left, (_, i) => parent[isLater ? i - silent : i + silent] ?? 0);
    expect(left.subarray(isLater ? silent : 0, isLater ? undefined : SAMPLES / 2 - silent)).toEqual(
      wanted.subarray(isLater ? silent : 0, isLater ? undefined : SAMPLES / 2 - silent),
    );
    return isLater ? silent : -silent;
  });
  expect(Math.max(...distances.map(Math.abs))).toBeLessThanOrEqual(20);
  expect(Math.min(...distances)).toBeLessThan(0);
  expect(Math.max(...distances)).toBeGreaterThan(0);
});
