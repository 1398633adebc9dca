import { expect, test } from '@jest/globals';
import { batchLayout, isBatchName, stripBatchDimension } from '../../src/model/batch-axis.ts';
import type { InputSpec } from '../../src/model/model.ts';

/** An input of a shape: numbers are sizes, texts names of open dimensions, null an open one without a name. */
const input = (name: string, ...dims: (number | string | null)[]): InputSpec => ({
  name,
  type: 'float32',
  shape: dims.map((size) => (typeof size === 'number' ? size : null)),
  dimensions: dims.map((size) => (typeof size === 'string' ? size : null)),
});

test('the batch is the first dimension where that is open in all inputs, or 1 in all', () => {
  expect(batchLayout([input('x', 'batch', 3), input('y', 'batch')])).toMatchObject({
    axis: 'free',
    positions: [0, 0],
    name: 'batch',
  });
  expect(batchLayout([input('x', null, 3), input('y', null)])).toMatchObject({
    axis: 'free',
    positions: [0, 0],
  });
  expect(batchLayout([input('x', 1, 3), input('h', 1, 1, 16)]).axis).toBe('one');
  expect(batchLayout([input('x', null, 3), input('y', 2)]).axis).toBe('none');
  expect(batchLayout([input('x', 'batch', 3), input('rate')]).axis).toBe('none');
});

test('the batch lies further back where a dimension of its name does, as in the state of a recurrent network', () => {
  const inputs = [input('x', 'batch', 'time', 8), input('h0', 1, 'batch', 16)];
  expect(batchLayout(inputs)).toEqual({ axis: 'free', positions: [0, 1], name: 'batch' });
  expect(stripBatchDimension(inputs).map(({ shape, dimensions }) => [shape, dimensions])).toEqual([
    [
      [null, 8],
      ['time', null],
    ],
    [
      [1, 16],
      [null, null],
    ],
  ]);
  expect(batchLayout([input('x', 'time', 'N', 8)])).toMatchObject({ positions: [1], name: 'N' });
});

test('a shared dimension that is not named as a batch is none', () => {
  expect(batchLayout([input('x', 'time', 8), input('h', 1, 'time')]).axis).toBe('none');
  expect(['batch_size', 'N', 'b', 'unk__314'].map(isBatchName)).toEqual([true, true, true, true]);
  expect(['time', 'sequence', 'nodes', null].map(isBatchName)).toEqual([false, false, false, false]);
});

test('a testcase that is the whole input stays so, whatever sizes it is given', () => {
  const inputs = [input('x', 'a', 8), input('h', 1, 'a')].map((spec) => ({ ...spec, shape: [1, 8] }));
  expect(batchLayout(inputs).axis).toBe('one');
  expect(batchLayout(inputs.map((spec) => ({ ...spec, isWhole: true as const }))).axis).toBe('none');
});
