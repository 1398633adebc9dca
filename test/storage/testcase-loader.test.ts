import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { MachineError } from '../../src/core/errors.ts';
import { encodeTestcase, testcaseId } from '../../src/inputs/testcase.ts';
import { FolderTestcaseLoader } from '../../src/storage/testcase-loader.ts';
import { testcase } from '../support/engine.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const loader = new FolderTestcaseLoader(folder, [{ name: 'x', type: 'float32', shape: [2] }]);

test('reads a testcase of the corpus back', () => {
  const data = testcase(3, 4);
  mkdirSync(join(folder, 'corpus'), { recursive: true });
  writeFileSync(join(folder, 'corpus', `${testcaseId(data)}.npz`), encodeTestcase(data));
  expect(loader.load(testcaseId(data)).inputs).toEqual(data.inputs);
});

test('reads activations back, and says where their file is cut', () => {
  mkdirSync(join(folder, 'state'), { recursive: true });
  writeFileSync(
    join(folder, 'state', 'activations.f32'),
    new Uint8Array(Float32Array.of(0, 1, 2, 3, 4, 5).buffer),
  );
  expect([...loader.loadActivations(1, 3, 2)]).toEqual([2, 3, 4, 5]);
  expect(() => loader.loadActivations(2, 4, 2)).toThrow(MachineError);
  expect(() => loader.loadActivations(2, 4, 2)).toThrow(
    /activations\.f32 can no longer be read \(it is cut\)/,
  );
});

test('does not take other values for those of an entry', () => {
  writeFileSync(join(folder, 'corpus', `${testcaseId(testcase(3, 4))}.npz`), encodeTestcase(testcase(3, 5)));
  expect(() => loader.load(testcaseId(testcase(3, 4)))).toThrow(/its values have changed.*--resume/);
});

test('says which file is gone, and what to do', () => {
  expect(() => loader.load('0123456789abcdef')).toThrow(MachineError);
  expect(() => loader.load('0123456789abcdef')).toThrow(
    /0123456789abcdef\.npz can no longer be read .*--resume/,
  );
});
