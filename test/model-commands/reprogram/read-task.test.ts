import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { type HostInput, readTask } from '../../../src/model-commands/reprogram/read-task.ts';
import { layoutOf } from '../../../src/mutators/image/layout.ts';
import { encodeNpy } from '../../../src/tensor/npy.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();

function host(height: number, width: number, channelsFirst = false, channels = 1): HostInput {
  const [black, white] = [new Array<number>(channels).fill(0), new Array<number>(channels).fill(1)];
  const picture = { channelsFirst, channels, black, white, bgr: false };
  const shape = channelsFirst ? [channels, height, width] : [height, width, channels];
  return { name: 'image', layout: layoutOf(picture as never, shape), isPicture: true, channelsFirst };
}

const row: HostInput = { ...host(1, 9), isPicture: false };

let files = 0;
function write(shape: readonly number[], valueAt = (i: number): number => i): string {
  const path = join(folder, `task-${files++}.npy`);
  const data = Float32Array.from({ length: shape.reduce((size, side) => size * side, 1) }, (_, i) =>
    valueAt(i),
  );
  writeFileSync(path, encodeNpy({ type: 'float32', shape: [...shape], data }));
  return path;
}

function writeText(text: string): string {
  const path = join(folder, `labels-${files++}.txt`);
  writeFileSync(path, text);
  return path;
}

const labels = writeText('0\n2\n');
const read = (name: string, input = host(28, 28), ofTask: string | undefined = labels) =>
  readTask({ name, labels: ofTask, map: 'assign' }, input, 'seed');

describe('a task', () => {
  test('of pictures has levels from its least value to its largest, and labels up to the largest', async () => {
    const { pictures, ...rest } = await read(write([2, 2, 2], (i) => 10 + i));
    expect(rest).toMatchObject({ height: 2, width: 2, channels: 1, labels: [0, 2], labelCount: 3 });
    expect(pictures.map((picture) => [...picture].map((level) => Math.round(7 * level)))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
  });

  test('has channels last, whatever the model has', async () => {
    const input = host(28, 28, true, 3);
    const { pictures, channels } = await read(write([2, 3, 1, 2]), input);
    expect(channels).toBe(3);
    expect([...pictures[0]].map((level) => Math.round(11 * level))).toEqual([0, 2, 4, 1, 3, 5]);
  });

  test('may be PNG files in a folder', async () => {
    const pictures = join(folder, 'pictures');
    mkdirSync(pictures);
    for (const [name, level] of [
      ['a', 0],
      ['b', 255],
    ] as const)
      await sharp(Buffer.alloc(12, level), { raw: { width: 4, height: 3, channels: 1 } })
        .png()
        .toFile(join(pictures, `${name}.png`));
    const task = await read(pictures, host(28, 28, false, 3));
    expect(task).toMatchObject({ height: 3, width: 4, labels: [0, 2] });
    expect(task.pictures.map(([level]) => level)).toEqual([0, 1]);
  });

  test('of rows is for a model that takes rows, and is not enlarged', async () => {
    expect(await read(write([2, 4]), row)).toMatchObject({ height: 1, width: 4, channels: 1, factor: 1 });
  });

  test.each([
    ['squares', /squares:k counts 1 to k squares, k from 2 to 16, not ''/],
    ['squares:1', /not '1'/],
    ['squares:17', /not '17'/],
    ['squares:2', /the labels of squares are known/],
  ])('%s is refused', async (name, message) => {
    await expect(read(name)).rejects.toThrow(message);
  });

  test('squares need pictures', async () => {
    await expect(readTask({ name: 'squares:2', labels: undefined, map: 'assign' }, row, 's')).rejects.toThrow(
      /squares are drawn on pictures of 7 pixels or more/,
    );
  });

  test.each<readonly [string, readonly number[], HostInput, RegExp]>([
    ['wider pictures', [2, 5, 29], host(28, 28), /are 5×29, larger than input image, which is 28 by 28/],
    ['rows for pictures', [2, 25], host(28, 28), /are 25, and input image takes pictures/],
    ['longer rows', [2, 9], row, /are 9, and input image has 9 values: a program needs some of them/],
    ['other channels', [2, 5, 5, 2], host(28, 28), /with 2 channels, and input image has 1/],
    ['single numbers', [2], host(28, 28), /holds single numbers/],
  ])('of %s is refused', async (_, shape, input, message) => {
    await expect(read(write(shape), input)).rejects.toThrow(message);
  });

  test('with values that say nothing is refused', async () => {
    await expect(read(write([2, 2, 2], () => 3))).rejects.toThrow(/all values of .* are 3/);
    await expect(read(write([2, 2, 2], (i) => 1 / i - 1 / i))).rejects.toThrow(/holds NaN/);
  });

  test('needs a label for each input', async () => {
    const inputs = write([2, 2, 2]);
    await expect(
      readTask({ name: inputs, labels: undefined, map: 'assign' }, host(8, 8), 's'),
    ).rejects.toThrow(/needs labels: set --task-labels/);
    await expect(read(inputs, host(8, 8), writeText('0\n'))).rejects.toThrow(
      /--task-labels: .*holds 1 labels and there are 2 inputs: use one per input/,
    );
    await expect(read(inputs, host(8, 8), writeText('0\n-1\n'))).rejects.toThrow(/label 1 is -1/);
    await expect(read(join(folder, 'none.npy'))).rejects.toThrow(/none\.npy/);
  });
});
