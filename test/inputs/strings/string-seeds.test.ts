import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readSeeds } from '../../../src/inputs/read-seeds.ts';
import { stringsText } from '../../../src/inputs/strings/strings-text.ts';
import { decodeTestcase, encodeTestcase, testcaseId } from '../../../src/inputs/testcase.ts';
import type { InputSpec } from '../../../src/model/model.ts';
import { encodeNpy } from '../../../src/tensor/npy.ts';
import { decodeStrings, encodeStrings } from '../../../src/tensor/strings.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();
const POOL = { pool: [], areTexts: false };
const words = (name: string, ...shape: (number | null)[]): InputSpec => ({
  name,
  type: 'uint32',
  shape: [null, ...shape, null],
  strings: POOL,
});
const number: InputSpec = { name: 'weight', type: 'float32', shape: [null, 1] };
const noScaling = () => ({ imageFormat: undefined, interval: [0, 1] as const });

async function stringsOf(inputs: readonly InputSpec[], name: string, content: string | Uint8Array) {
  const path = join(folder, name);
  writeFileSync(path, content);
  const seeds = await readSeeds(inputs, { forAll: [path], byName: new Map() }, noScaling);
  return seeds.map(({ form, inputs: data }) =>
    form.inputs.map(({ isString, shape }, i) =>
      isString ? decodeStrings(data[i], shape[shape.length - 1]) : [...data[i]],
    ),
  );
}

test('a line of text is a testcase; of several strings, it is split', async () => {
  expect(await stringsOf([words('s')], 'one.txt', 'a good film\n\nbad\n')).toEqual([
    [['a good film']],
    [['bad']],
  ]);
  expect(await stringsOf([words('s', 3)], 'three.txt', 'a good film\nbad')).toEqual([
    [['a', 'good', 'film']],
    [['bad', '', '']],
  ]);
  expect(await stringsOf([words('s', 2)], 'tabs.txt', 'New York\tred')).toEqual([[['New York', 'red']]]);
  await expect(stringsOf([words('s', 2)], 'long.txt', 'a b c')).rejects.toThrow(
    /line 1, holds 3 strings; .* takes 2/,
  );
});

test('JSON, .npy and tables hold strings, by the names of inputs too', async () => {
  const inputs = [words('colour', 1), number];
  expect(
    await stringsOf(inputs, 'seed.json', '{"colour": [["red"], ["blue"]], "weight": [[1], [2]]}'),
  ).toEqual([
    [['red'], [1]],
    [['blue'], [2]],
  ]);
  expect(await stringsOf(inputs, 'seed.csv', 'weight,id,colour\n0.5,7,red\n-1,8,"dark, blue"\n')).toEqual([
    [['red'], [0.5]],
    [['dark, blue'], [-1]],
  ]);
  expect(await stringsOf([words('s', 2)], 'plain.csv', 'a,b\nc,d')).toEqual([[['a', 'b']], [['c', 'd']]]);
  expect(await stringsOf([number], 'numbers.csv', 'w\n1\n2')).toEqual([[[1]], [[2]]]);
  expect(await stringsOf([words('s', 2)], 'seed.npy', encodeNpy(encodeStrings(['x', 'yz'], [1, 2])))).toEqual(
    [[['x', 'yz']]],
  );
});

test.each([
  [[words('s', 1)], 'n.json', '[[1], [2]]', /holds numbers, and input s takes strings/],
  [[number], 's.json', '[["a"]]', /holds strings, and input weight takes numbers/],
  [[words('s', 1)], 'mixed.json', '[["a"], [2]]', /holds 2 where a string is expected/],
  [[words('s', 3)], 'shape.json', '[["a", "b"]]', /holds 1×2 strings; input s takes testcases of 3/],
  [[words('s', 1), number], 'nameless.csv', 'a,b\nc,1', /first line must hold s,weight/],
  [[number], 'text.csv', 'w\nheavy', /holds "heavy", and input weight takes numbers/],
] as const)('%#: %s is refused', async (inputs, name, content, message) => {
  await expect(stringsOf(inputs, name, content)).rejects.toThrow(message);
});

test('testcases keep strings on disk, and are shown as text: one string alone, several as a seed file', () => {
  const [spec] = [words('s', 2)].map((input) => ({ ...input, shape: input.shape.slice(1) }));
  const data = encodeStrings(['é', '"quoted"'], [2], 10).data;
  const form = {
    inputs: [{ name: 's', type: 'uint32', shape: [2, 10], size: 20, isString: true }],
    key: '2,10',
  } as const;
  const decoded = decodeTestcase([spec], encodeTestcase({ form, inputs: [data] }), 'x.npz');
  expect(decoded).toEqual({ form, inputs: [data] });
  expect(testcaseId(decoded)).toMatch(/^[0-9a-f]{16}$/);
  expect(JSON.parse(stringsText(decoded))).toEqual({ s: ['é', '"quoted"'] });
  const single = { inputs: [{ ...form.inputs[0], shape: [1, 20] }], key: '1,20' };
  expect(stringsText({ form: single, inputs: [encodeStrings(['a\nb'], [1], 20).data] })).toBe('a\nb');
});
