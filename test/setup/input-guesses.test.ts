import { expect, test } from '@jest/globals';
import type { InputSpec } from '../../src/model/model.ts';
import { labelInputs } from '../../src/setup/input-guesses.ts';
import type { InspectedInput } from '../../src/setup/inspect.ts';
import type { DType } from '../../src/tensor/tensor.ts';
import { testcaseOf } from '../support/tasks.ts';

const picture: InputSpec = { name: 'picture', type: 'float32', shape: [4] };

function labelsOf(name: string, type: DType, shape: number[], seeds?: readonly number[][], stays?: number) {
  const inputs = [picture, { name, type, shape }];
  const inspected = inputs.map((input, i) => ({
    ...input,
    ...(i === 1 && stays !== undefined ? { stays } : {}),
  })) as unknown as InspectedInput[];
  const read = seeds?.map((values) => {
    const { form, inputs: data } = testcaseOf(values);
    return { form, inputs: [data[0], data[0]] };
  });
  return [...labelInputs(inputs, inspected, read)];
}

test.each(['label', 'labels:0', 'image_label', 'target', 'y', 'y_true', 'class_id', 'Ground_Truth'])(
  'a whole number named %s is a label',
  (name) => expect(labelsOf(name, 'int64', [])).toEqual([[name, 'its name and its type int64 say so']]),
);

test.each([
  ['steps', 'int64', []],
  ['classifier_input', 'int32', []],
  ['y', 'float32', []],
  ['target', 'int64', [16]],
] as const)('%s of %s %j is none', (name, type, shape) => {
  expect(labelsOf(name, type, [...shape])).toEqual([]);
});

test('an array is a label where each seed has one 1 among zeros', () => {
  expect(
    labelsOf(
      'label',
      'float32',
      [3],
      [
        [0, 1, 0],
        [1, 0, 0],
      ],
    ),
  ).toEqual([['label', 'its name says so, and each seed has one 1 among zeros']]);
  expect(
    labelsOf(
      'label',
      'float32',
      [3],
      [
        [0, 1, 0],
        [1, 1, 0],
      ],
    ),
  ).toEqual([]);
  expect(labelsOf('label', 'float32', [3])).toEqual([]);
});

test('without another input to mutate, and for one that stays anyway, there are none', () => {
  expect([
    ...labelInputs([{ name: 'y', type: 'int32', shape: [] }], [{ name: 'y' } as InspectedInput], undefined),
  ]).toEqual([]);
  expect(labelsOf('y', 'int32', [], undefined, 0)).toEqual([]);
});
