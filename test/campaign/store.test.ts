import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { writeFolderDurably } from '../../src/campaign/atomic.ts';
import { checkFolder, Store } from '../../src/campaign/store.ts';
import { decodeTestcase, encodeTestcase, testcaseId } from '../../src/campaign/testcase.ts';
import type { RowInput } from '../../src/models/rows.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const INPUTS: RowInput[] = [
  { name: 'b', type: 'float32', shape: [2], size: 2 },
  { name: 'a', type: 'int64', shape: [], size: 1 },
];
const DATA = [Float32Array.of(1, 2), BigInt64Array.of(3n)];

test('an id hashes the inputs in name order: name, type, shape, little-endian values', () => {
  const hash = createHash('sha256');
  hash.update('["a","int64",[]]\n').update(Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0));
  hash.update('["b","float32",[2]]\n').update(Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 64));
  expect(testcaseId(INPUTS, DATA)).toBe(hash.digest('hex').slice(0, 16));
  expect(testcaseId([INPUTS[1], INPUTS[0]], [DATA[1], DATA[0]])).toBe(testcaseId(INPUTS, DATA));
});

test('a testcase survives its file, and one for another model is refused', () => {
  expect(decodeTestcase(INPUTS, encodeTestcase(INPUTS, DATA), 'test')).toEqual(DATA);
  const other = [{ ...INPUTS[0], shape: [3], size: 3 }, INPUTS[1]];
  expect(() => decodeTestcase(other, encodeTestcase(INPUTS, DATA), 'x.npz')).toThrow(
    /x\.npz does not fit the model: input b takes float32 3/,
  );
});

test('the journal names testcases that are there, in order', async () => {
  const store = await Store.create(join(folder, 'journal'), { model: 'm' }, INPUTS, [
    { low: 0, high: 1 },
    { low: 0, high: 1 },
  ]);
  const lineage = { parent: null, ancestor: 'x', generation: 0, mutators: [], novelty: null, task: 0 };
  store.add({ ...lineage, id: 'first', data: DATA });
  store.add({ ...lineage, id: 'second', data: DATA });
  expect(readdirSync(join(folder, 'journal', 'corpus'))).toEqual([]);
  await store.flush();
  await store.flush();
  const lines = readFileSync(join(folder, 'journal', 'corpus', 'journal.jsonl'), 'utf8')
    .trim()
    .split('\n');
  expect(lines.map((line) => JSON.parse(line).id)).toEqual(['first', 'second']);
  expect(readdirSync(join(folder, 'journal', 'corpus')).sort()).toEqual([
    'first.npz',
    'journal.jsonl',
    'second.npz',
  ]);
});

test('of two that want one folder, one gets it', async () => {
  const create = () => Store.create(join(folder, 'race'), {}, INPUTS, []);
  const results = await Promise.allSettled([create(), create(), create()]);
  expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(1);
  for (const result of results)
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ name: 'UserError' });
});

test('asking whether a folder will do leaves nothing behind', async () => {
  await checkFolder(join(folder, 'not', 'there', 'yet'));
  expect(existsSync(join(folder, 'not'))).toBe(false);
});

test('an unfinished folder of a process that died is written anew', async () => {
  const finding = join(folder, 'findings', 'id');
  mkdirSync(join(folder, 'findings', '.tmp-id'), { recursive: true });
  writeFileSync(join(folder, 'findings', '.tmp-id', 'torn'), 'half a fi');
  await writeFolderDurably(finding, new Map([['whole', 'a file']]));
  expect(readdirSync(finding)).toEqual(['whole']);
  expect(readdirSync(join(folder, 'findings'))).toEqual(['id']);
});
