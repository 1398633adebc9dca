import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { groupByInput } from '../../src/config/values.ts';
import { randomStream } from '../../src/core/random.ts';
import { drawSeeds } from '../../src/inputs/draw-seeds.ts';
import { readSeeds } from '../../src/inputs/read-seeds.ts';
import { distinctShapes } from '../../src/inputs/seeds.ts';
import type { InputSpec } from '../../src/model/model.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const image: InputSpec = { name: 'image', type: 'float32', shape: [null, 2, 2, 1] };
const label: InputSpec = { name: 'label', type: 'int64', shape: [null] };

function save(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const pictures = (count: number) =>
  encodeNpy({
    type: 'float64',
    shape: [count, 2, 2],
    data: Float64Array.from({ length: 4 * count }, (_, i) => i / 10),
  });

const read = (inputs: InputSpec[], given: string[]) =>
  readSeeds(
    inputs,
    groupByInput(
      given,
      inputs.map((input) => input.name),
    ),
    () => ({ interval: [-1, 1], imageFormat: undefined }),
  );

describe('rows', () => {
  test('of several inputs are paired in order and turned into the types of the model', async () => {
    const labels = encodeNpy({ type: 'uint8', shape: [2], data: Uint8Array.of(7, 3) });
    const seeds = await read(
      [image, label],
      [`image=${save('two.npy', pictures(2))}`, `label=${save('labels.npy', labels)}`],
    );
    expect(seeds[0].form.inputs.map(({ name, shape, size }) => ({ name, shape, size }))).toEqual([
      { name: 'image', shape: [2, 2, 1], size: 4 },
      { name: 'label', shape: [], size: 1 },
    ]);
    expect(seeds[1].inputs).toEqual([Float32Array.of(0.4, 0.5, 0.6, 0.7), BigInt64Array.of(3n)]);
  });

  test('one testcase or a batch of them are told apart by their shape', async () => {
    const one = encodeNpy({ type: 'float32', shape: [2, 2, 1], data: new Float32Array(4) });
    expect((await read([image], [save('one.npy', one)])).length).toBe(1);
    expect((await read([image], [save('three.npy', pictures(3))])).length).toBe(3);
  });

  test('flat rows fit an input of as many values', async () => {
    const flat = encodeNpy({ type: 'float32', shape: [5, 4], data: new Float32Array(20) });
    expect((await read([image], [save('flat.npy', flat)])).length).toBe(5);
  });

  test('of different numbers are refused', async () => {
    const labels = encodeNpy({ type: 'uint8', shape: [3], data: new Uint8Array(3) });
    const given = [`image=${save('pair.npy', pictures(2))}`, `label=${save('three-labels.npy', labels)}`];
    await expect(read([image, label], given)).rejects.toThrow(/image has 2 seeds and input label 3/);
  });

  test('without a name are refused where the model has several inputs', async () => {
    await expect(read([image, label], [save('nameless.npy', pictures(1))])).rejects.toThrow(
      /write image=PATH label=PATH/,
    );
  });

  test('fix the sizes that a model leaves open', async () => {
    const free: InputSpec = { name: 'text', type: 'float32', shape: [null, null, 2] };
    const tokens = encodeNpy({ type: 'float32', shape: [3, 7, 2], data: new Float32Array(42) });
    const longer = encodeNpy({ type: 'float32', shape: [8, 2], data: new Float32Array(16) });
    const seeds = await read([free], [save('sevens.npy', tokens), save('eight.npy', longer)]);
    expect(seeds.map(({ form }) => form.inputs[0].shape)).toEqual([
      [7, 2],
      [7, 2],
      [7, 2],
      [8, 2],
    ]);
    expect(distinctShapes(seeds).map(({ key }) => key)).toEqual(['7,2', '8,2']);
  });
});

describe('values', () => {
  test('of pictures are laid onto the range', async () => {
    const png = await sharp(Uint8Array.of(0, 255, 51, 204), { raw: { width: 2, height: 2, channels: 1 } })
      .png()
      .toBuffer();
    const [{ inputs }] = await read([image], [save('picture.png', png)]);
    const [pixels] = inputs;
    expect([...(pixels as Float32Array)].map((value) => Number(value.toFixed(6)))).toEqual([
      -1, 1, -0.6, 0.6,
    ]);
  });

  test.each([
    ['a fraction for an integer', [0.5], /has 0\.5 at position 0; input label takes whole numbers \(int64\)/],
    ['an infinity', [Number.POSITIVE_INFINITY], /has Infinity at position 0/],
  ])('with %s are refused', async (name, values, message) => {
    const npy = encodeNpy({ type: 'float64', shape: [1], data: Float64Array.from(values) });
    await expect(read([label], [save(`${name.length}.npy`, npy)])).rejects.toThrow(message);
  });
});

test('seeds are drawn within the range of each input, the same for the same stream', () => {
  const draw = () =>
    drawSeeds(
      [image, label],
      (input) => ({ range: input === 0 ? { low: -2, high: -1 } : { low: 3, high: 5 } }),
      50,
      randomStream('s'),
    );
  const seeds = draw();
  expect(seeds.length).toBe(50);
  for (const { inputs } of seeds) {
    const [pixels, [value]] = inputs as [Float32Array, BigInt64Array];
    expect(pixels.every((pixel) => pixel >= -2 && pixel <= -1)).toBe(true);
    expect(value >= 3n && value <= 5n).toBe(true);
  }
  expect(draw()).toEqual(seeds);
});

test('half of the values that decision trees test are drawn at a split value or just above it, in their column', () => {
  const table: InputSpec = { name: 'table', type: 'float32', shape: [null, 2] };
  const seeds = drawSeeds(
    [table],
    () => ({ range: { low: 0, high: 1 }, splits: [[0.5, 3], []] }),
    400,
    randomStream('s'),
  );
  const firsts = seeds.map(({ inputs }) => Number(inputs[0][0]));
  const share = (value: number): number => firsts.filter((first) => first === value).length / 400;
  const above = (value: number): number => Math.fround(value + 2 ** (Math.floor(Math.log2(value)) - 23));
  for (const split of [0.5, 3])
    for (const value of [split, above(split)]) expect(Math.abs(share(value) - 1 / 8)).toBeLessThan(0.06);
  expect(seeds.every(({ inputs }) => Number(inputs[0][1]) <= 1)).toBe(true);
});

test('a size left open needs seeds', () => {
  const free: InputSpec = { name: 'x', type: 'float32', shape: [null, null] };
  expect(() => drawSeeds([free], () => ({ range: { low: 0, high: 1 } }), 1, randomStream('s'))).toThrow(
    /with a dynamic dimension: set --seeds/,
  );
});
