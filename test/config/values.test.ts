import { expect, test } from '@jest/globals';
import {
  duration,
  groupByInput,
  groupListsByInput,
  parseDuration,
  parseSize,
  ranges,
  shapes,
  size,
} from '../../src/config/values.ts';

test.each([
  ['90s', 90_000],
  ['1.5m', 90_000],
  ['8h', 28_800_000],
  ['300ms', 300],
  ['2d', 172_800_000],
])('%s is %d milliseconds', (text, ms) => {
  expect(duration.safeParse(text).success).toBe(true);
  expect(parseDuration(text)).toBe(ms);
});

test.each(['90', 's', '-1s', '0s', '1 h'])('%j is no duration', (text) => {
  expect(duration.safeParse(text).success).toBe(false);
});

test('sizes are read in units of a thousand', () => {
  expect(parseSize('512MB')).toBe(512e6);
  expect(parseSize('1.5 gb')).toBe(1.5e9);
  expect(parseSize('2TB')).toBe(2e12);
  for (const wrong of ['512', 'MB', '1 XB', '-1GB', '0KB']) expect(size.safeParse(wrong).success).toBe(false);
});

test('a range is rising, a shape whole and above 0', () => {
  expect([[0, 1], { x: [-1, 1] }].map((value) => ranges.safeParse(value).success)).toEqual([true, true]);
  expect([[1, 1], [0], { x: [1, 0] }].map((value) => ranges.safeParse(value).success)).toEqual([
    false,
    false,
    false,
  ]);
  expect([[1, 28], { x: [7] }, [0], [1.5], []].map((value) => shapes.safeParse(value).success)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('a value is for one input only where that input exists', () => {
  expect(groupByInput(['image=a.npy', 'odd=name.npy'], ['image'])).toEqual({
    forAll: ['odd=name.npy'],
    byName: new Map([['image', 'a.npy']]),
  });
});

test('a mapping names inputs that may not exist, for others to refuse', () => {
  expect(groupByInput({ label: 'l.npy' }, ['image']).byName).toEqual(new Map([['label', 'l.npy']]));
});

test('of several values of an input, lists keep all and single values the last', () => {
  const given = ['x=gaussian', 'x=blur', 'all'];
  expect(groupListsByInput(given, ['x'])).toEqual({
    forAll: ['all'],
    byName: new Map([['x', ['gaussian', 'blur']]]),
  });
  expect(groupByInput(given, ['x']).byName.get('x')).toBe('blur');
  expect(groupListsByInput({ x: ['a', 'b'], y: 'c' }, []).byName).toEqual(
    new Map([
      ['x', ['a', 'b']],
      ['y', ['c']],
    ]),
  );
  expect(groupListsByInput(undefined, ['x'])).toEqual({ forAll: [], byName: new Map() });
});
