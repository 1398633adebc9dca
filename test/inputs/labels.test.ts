import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseLabelSource, resolveLabels, splitLabelColumn } from '../../src/inputs/labels.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

describe('parseLabelSource', () => {
  test('reads folders, columns and paths', () => {
    expect(parseLabelSource('folders')).toEqual({ kind: 'folders' });
    expect(parseLabelSource('column')).toEqual({ kind: 'column', column: -1 });
    expect(parseLabelSource('column=2')).toEqual({ kind: 'column', column: 2 });
    expect(parseLabelSource('labels.txt')).toEqual({ kind: 'file', path: 'labels.txt' });
  });

  test.each(['column=x', 'column=', 'column=1.5'])('refuses %s', (setting) => {
    expect(() => parseLabelSource(setting)).toThrow(/column must be a whole number/);
  });
});

describe('splitLabelColumn', () => {
  const table = { type: 'int64', shape: [2, 3], data: BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n) } as const;

  test.each([
    [-1, [3, 6], [1n, 2n, 4n, 5n]],
    [0, [1, 4], [2n, 3n, 5n, 6n]],
    [1, [2, 5], [1n, 3n, 4n, 6n]],
  ])('takes column %d out', (column, labels, rest) => {
    const split = splitLabelColumn(table, 2, column, 'table.npy');
    expect(split.labels).toEqual(labels);
    expect([...split.tensor.data]).toEqual(rest);
    expect(split.tensor.shape).toEqual([2, 2]);
  });

  test('refuses a table without room for labels, and a column beyond it', () => {
    expect(() => splitLabelColumn(table, 3, 0, 'table.npy')).toThrow(/has 3 columns; the model takes 3/);
    expect(() => splitLabelColumn(table, 2, 3, 'table.npy')).toThrow(/column=3: table.npy has 3 columns/);
  });
});

describe('resolveLabels', () => {
  test('takes folders named by numbers for those classes', async () => {
    expect(await resolveLabels({ kind: 'folders' }, ['s/7/a.png', 's/3/b.png'], [])).toEqual({
      labels: [7, 3],
      folderClasses: undefined,
    });
  });

  test('numbers other folders in the order of their names and says so', async () => {
    const paths = ['s/dog/a.png', 's/cat/b.png', 's/dog/c.png'];
    expect(await resolveLabels({ kind: 'folders' }, paths, [])).toEqual({
      labels: [1, 0, 1],
      folderClasses: 'labels by folders: cat is 0, dog is 1',
    });
  });

  test('reads a text file and refuses what is no class', async () => {
    const path = join(folder, 'labels.txt');
    writeFileSync(path, '4\n\n0\n');
    expect(await resolveLabels({ kind: 'file', path }, ['a', 'b'], [])).toMatchObject({ labels: [4, 0] });
    await expect(resolveLabels({ kind: 'file', path }, ['a'], [])).rejects.toThrow(
      /2 labels and there are 1 seeds/,
    );
    await expect(resolveLabels({ kind: 'column', column: 0 }, ['a'], [0.5])).rejects.toThrow(
      /label 0 is 0.5/,
    );
  });
});
