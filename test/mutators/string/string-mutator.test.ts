import { expect, test } from '@jest/globals';
import { codePointsOf, decodeStrings, encodeStrings, MAX_CODE_POINT } from '../../../src/tensor/strings.ts';
import { mutantOf, traitsOf } from '../../support/mutators.ts';

const WIDTH = 16;
const WORDS = ['red', 'blue', 'green'];

function inputOf(rows: number) {
  const strings = {
    width: WIDTH,
    words: WORDS.map(codePointsOf),
    alphabet: codePointsOf('xyz'),
    areTexts: true,
  };
  const range = { low: 0, high: MAX_CODE_POINT };
  return traitsOf({ type: 'uint32', domains: ['strings'], size: rows * WIDTH, range, strings });
}

const valuesOf = (strings: readonly string[]): Float64Array =>
  Float64Array.from(encodeStrings(strings, [strings.length], WIDTH).data as Uint32Array);

/** The strings of so many mutants of a row. */
function mutantsOf(
  name: string,
  strings: readonly string[],
  partner: readonly string[] = strings,
  count = 200,
) {
  const input = inputOf(strings.length);
  return Array.from({ length: count }, (_, key) => {
    const given = { partner: valuesOf(partner) };
    const shape = [strings.length, WIDTH];
    const mutant = mutantOf(name, valuesOf(strings), input, shape, key, { most: 1 }, given);
    return decodeStrings(Uint32Array.from(mutant), WIDTH);
  });
}

test('category puts a listed string in the place of one', () => {
  const mutants = mutantsOf('category', ['black', 'white']);
  const changed = new Set(mutants.flat().filter((text) => text !== 'black' && text !== 'white'));
  expect(changed).toEqual(new Set(WORDS));
  expect(mutants.every(([first, second]) => first === 'black' || second === 'white')).toBe(true);
});

test('misspell changes, adds, drops, swaps and doubles characters', () => {
  const found = new Set(mutantsOf('misspell', ['abcd'], ['abcd'], 800).flat());
  for (const text of ['xbcd', 'xabcd', 'bcd', 'bacd', 'aabcd']) expect(found).toContain(text);
  expect(new Set(mutantsOf('misspell', ['']).flat()).size).toBeGreaterThan(5);
});

test('unusual makes empty, blank, upper-case, unlisted and long strings', () => {
  const found = new Set(mutantsOf('unusual', ['ab'], ['ab'], 800).flat());
  for (const text of ['', ' ', 'NaN', 'AB', 'Ab', ' ab', 'ab ', 'abababababababab'])
    expect(found).toContain(text);
  expect([...found].some((text) => /^[xyz]{3,}$/.test(text))).toBe(true);
});

test('phrase adds, drops, repeats and replaces words', () => {
  const found = new Set(mutantsOf('phrase', ['one two'], ['one two'], 400).flat());
  for (const text of [
    'two',
    'one one two',
    'one two two',
    'red two',
    'one blue',
    'red one two',
    'one red two',
  ])
    expect(found).toContain(text);
});

test('blend takes strings, or ends of them, from the partner at the same place', () => {
  const found = new Set(mutantsOf('blend', ['abcd', 'x'], ['123456', 'y']).map((pair) => pair.join('|')));
  for (const pair of ['123456|x', 'abcd|y', 'ab3456|x']) expect(found).toContain(pair);
});

test('permute exchanges two strings', () => {
  expect(new Set(mutantsOf('permute', ['a', 'bb']).map((pair) => pair.join('|')))).toEqual(new Set(['bb|a']));
  expect(
    mutantsOf('permute', ['a'])
      .flat()
      .every((text) => text === 'a'),
  ).toBe(true);
});
