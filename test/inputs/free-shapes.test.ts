import { expect, test } from '@jest/globals';
import { fixFreeShapes } from '../../src/inputs/free-shapes.ts';
import { batchLayout } from '../../src/model/batch-axis.ts';
import type { InputSpec } from '../../src/model/model.ts';

const X: InputSpec = {
  name: 'x',
  type: 'float32',
  shape: [null, null, 8],
  dimensions: ['batch', 'time', null],
};
const STATE: InputSpec = {
  name: 'h0',
  type: 'float32',
  shape: [1, null, 16],
  dimensions: [null, 'batch', null],
};
const LENGTHS: InputSpec = {
  name: 'steps',
  type: 'float32',
  shape: [null, null],
  dimensions: ['batch', 'time'],
};
const shapesOf = (inputs: readonly InputSpec[]) => inputs.map(({ shape }) => shape);

test('a shape may name all dimensions, the batch included wherever it lies, or those of a testcase', () => {
  const wanted = [
    [null, 5, 8],
    [1, null, 16],
  ];
  for (const setting of [
    { x: [1, 5, 8], h0: [1, 1, 16] },
    { x: [5, 8], h0: [1, 16] },
    { x: [7, 5, 8], h0: [1, 7, 16] },
  ])
    expect(shapesOf(fixFreeShapes([X, STATE], setting))).toEqual(wanted);
});

test('a fixed batch of one may be left out', () => {
  const fixed: InputSpec = { name: 'x', type: 'float32', shape: [1, 3, null, null] };
  for (const setting of [
    [1, 3, 32, 32],
    [3, 32, 32],
  ])
    expect(shapesOf(fixFreeShapes([fixed], setting))).toEqual([[1, 3, 32, 32]]);
});

test('one size is enough for a name that several inputs have; two are refused', () => {
  expect(shapesOf(fixFreeShapes([X, LENGTHS], { x: [5, 8] }))).toEqual([
    [null, 5, 8],
    [null, 5],
  ]);
  expect(() => fixFreeShapes([X, LENGTHS], { x: [5, 8], steps: [6] })).toThrow(
    '--shape: dimension time is 5 in input x and 6 in input steps',
  );
});

test('a shape that contradicts the model is refused, with the names of its dimensions', () => {
  expect(() => fixFreeShapes([X, STATE], { x: [1, 5, 9] })).toThrow(
    '--shape x=1,5,9 does not fit the model, where x is batch×time×8',
  );
  expect(() => fixFreeShapes([X, STATE], { y: [1] })).toThrow('the model has no input y');
  expect(() => fixFreeShapes([X, STATE], [5, 8])).toThrow('so name one: x=5,8');
});

test('sizes do not make whole inputs look like batches of one', () => {
  const inputs = [X, STATE].map(({ name, type, shape }): InputSpec => ({ name, type, shape }));
  expect(batchLayout(inputs).axis).toBe('none');
  expect(batchLayout(fixFreeShapes(inputs, { x: [1, 5, 8], h0: [1, 1, 16] })).axis).toBe('none');
});
