import { describe, expect, test } from '@jest/globals';
import { inferInputs } from '../../src/inputs/infer-input.ts';
import { chooseOpenSizes } from '../../src/inputs/open-sizes.ts';
import { stripBatchDimension } from '../../src/model/batch-axis.ts';
import type { InputSpec } from '../../src/model/model.ts';

const input = (name: string, ...dims: (number | string | null)[]): InputSpec => ({
  name,
  type: 'float32',
  shape: dims.map((size) => (typeof size === 'number' ? size : null)),
  dimensions: dims.map((size) => (typeof size === 'string' ? size : null)),
});

/** Chooses sizes on a model that runs where `runs` says so; gives them with those that were tried. */
async function choose(
  inputs: readonly InputSpec[],
  runs: (shapes: readonly (readonly (number | null)[])[]) => boolean,
  outputs: string[] = ['y', 'stateN'],
) {
  const tried: string[] = [];
  const inferred = inferInputs(stripBatchDimension(inputs), { outputs });
  const sizes = await chooseOpenSizes(inputs, inferred, async (sized) => {
    const shapes = sized.map(({ shape }) => shape);
    tried.push(shapes.join(' '));
    return runs(shapes) ? undefined : `cannot run ${shapes.join(' ')}`;
  });
  return { ...sizes, tried };
}

test('a model without open sizes beside its batch is not tried', async () => {
  expect(await choose([input('x', 'batch', 3)], () => false)).toMatchObject({ shapes: {}, tries: 0 });
});

test('the length of strings is no open size: it follows from what they are drawn from', async () => {
  const strings = { pool: ['red', 'green'], areTexts: false };
  const words: InputSpec = { name: 'words', type: 'uint32', shape: [null, null, null], strings };
  expect(await choose([{ ...words, shape: [null, null] }], () => false)).toMatchObject({
    shapes: {},
    tries: 0,
  });
  const { shapes } = await choose([{ ...words, dimensions: ['batch', 'words', null] }], () => true);
  expect(shapes).toEqual({ words: [1, 16] });
});

test('one name has one size in all inputs, and the batch is one wherever it lies', async () => {
  const inputs = [
    input('x', 'batch', 'time', 8),
    input('state', 1, 'batch', 16),
    input('keep', 'batch', 'time'),
  ];
  const { shapes } = await choose(inputs, () => true);
  expect(shapes).toEqual({ x: [1, 16, 8], keep: [1, 16] });
});

test('powers of two are tried up to 16,000 where 16 fails', async () => {
  const lengths = (least: number) =>
    choose([input('x', 'batch', 'length')], ([[, length]]) => Number(length) >= least);
  expect((await lengths(1)).shapes).toEqual({ x: [1, 16] });
  expect((await lengths(100)).shapes).toEqual({ x: [1, 128] });
  expect((await lengths(9000)).shapes).toEqual({ x: [1, 16_000] });
  const short = await choose([input('x', 'batch', 'length')], ([[, length]]) => Number(length) < 3);
  expect(short.shapes).toEqual({ x: [1, 2] });
});

test('audio begins with a frame, and without names a leading dimension and states have one row', async () => {
  const inputs = [input('audio', null, null), input('state', 2, null, 128), input('rate')];
  const { shapes, tried } = await choose(inputs, ([[, samples]]) => samples === 512);
  expect(shapes).toEqual({ audio: [1, 512], state: [2, 1, 128] });
  expect(tried).toEqual(['1,512 2,1,128 ']);
});

test('sides of pictures grow together', async () => {
  const { shapes } = await choose(
    [input('x', 'batch', 3, 'h', 'w')],
    ([[, , h, w]]) => h === w && Number(h) > 100,
  );
  expect(shapes).toEqual({ x: [1, 3, 128, 128] });
});

test('dimensions are tried alone where none runs at equal sizes', async () => {
  const { shapes } = await choose(
    [input('x', 'batch', 'rows', 'columns')],
    ([[, rows, columns]]) => rows === 16 && columns === 64,
  );
  expect(shapes).toEqual({ x: [1, 16, 64] });
});

describe('where nothing runs', () => {
  test('the first failure is kept, with the sizes that come first', async () => {
    const { shapes, failure, tries } = await choose([input('x', 'batch', 'length')], () => false);
    expect(failure).toBe('cannot run ,16');
    expect(shapes).toEqual({ x: [1, 16] });
    expect(tries).toBe(15);
  });
});
