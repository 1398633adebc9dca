import { expect, test } from '@jest/globals';
import type { InputKind } from '../../../src/inputs/input-kind.ts';
import { openDimensions } from '../../../src/inputs/sizes/open-dimensions.ts';
import type { InputSpec } from '../../../src/model/model.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import { makeData, sizeOf, writeNumber } from '../../../src/tensor/tensor.ts';

const input = (name: string, ...dims: (number | string | null)[]): InputSpec => ({
  name,
  type: name === 'lengths' ? 'int64' : 'float32',
  shape: dims.map((size) => (typeof size === 'number' ? size : null)),
  dimensions: dims.map((size) => (typeof size === 'string' ? size : null)),
});

/** A seed of these shapes; an input of one value holds `value`. */
function seedOf(inputs: readonly InputSpec[], shapes: readonly (readonly number[])[], value = 0) {
  return {
    form: shapeSignatureOf(inputs.map((spec, i) => makeTestcaseInput(spec, shapes[i]))),
    inputs: inputs.map(({ type }, i) => {
      const data = makeData(type, sizeOf(shapes[i]));
      if (data.length === 1) writeNumber(type, data, 0, value);
      return data;
    }),
  };
}

const named = (inputs: readonly InputSpec[], kinds: InputKind[], ...seeds: (readonly number[])[][]) =>
  openDimensions(
    inputs,
    kinds,
    seeds.map((shapes) => seedOf(inputs, shapes)),
  ).map(({ dimension, places, sizes }) => [dimension, places.length, sizes]);

test('dimensions of one name are one, and so are those that have equal sizes in all seeds', () => {
  const inputs = [input('x', 'time', 4), input('y', 'time'), input('z', null), input('w', 'width')];
  const kinds: InputKind[] = ['array', 'features', 'features', 'features'];
  expect(named(inputs, kinds, [[5, 4], [5], [5], [5]], [[8, 4], [8], [8], [9]])).toEqual([
    ['time and z', 3, [5, 8]],
    ['width', 1, [5, 9]],
  ]);
});

test('masks and states follow: what they alone have open is no dimension of its own', () => {
  const inputs = [input('x', 4), input('mask', 'seen'), input('past', 'past')];
  expect(named(inputs, ['features', 'mask', 'state'], [[4], [6], [7]])).toEqual([]);
});

test('the length of strings is left out', () => {
  const strings = { pool: ['red'], areTexts: false };
  const words: InputSpec = { name: 'words', type: 'uint32', shape: [null, null], strings };
  expect(named([words], ['strings'], [[3, 6]])).toEqual([['words[0]', 1, [3]]]);
});

test('an input of one whole number that is the size in every seed tells it', () => {
  const inputs = [input('x', 'time'), input('lengths', 1)];
  const find = (values: readonly number[]) =>
    openDimensions(
      inputs,
      ['features', 'features'],
      values.map((value, i) => seedOf(inputs, [[5 + i], [1]], value)),
    )[0].lengthInputs;
  expect(find([5, 6])).toEqual([1]);
  expect(find([5, 5])).toEqual([]);
});

test('lengths that mutators change are told', () => {
  const inputs = [input('image', 3, 'height', 'width'), input('tokens', 'length')];
  const shapes = [[3, 32, 48], [7]];
  const found = openDimensions(inputs, ['image', 'tokens'], [seedOf(inputs, shapes)], 1);
  expect(found.map(({ dimension, hasLengthMutators }) => [dimension, hasLengthMutators])).toEqual([
    ['height', false],
    ['width', false],
    ['length', true],
  ]);
});
