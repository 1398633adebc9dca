import { expect, test } from '@jest/globals';
import { corpusNames, modelNames } from '../../../src/model-commands/tournament/names.ts';

test('models are named by their files, as shortly as tells them apart', () => {
  expect(modelNames(['a/net.onnx', 'b/net.onnx', 'c/other.onnx'], [])).toEqual([
    'a/net.onnx',
    'b/net.onnx',
    'other',
  ]);
  expect(modelNames(['net.onnx', 'net.onnx'], [])).toEqual(['net', 'net (2)']);
  expect(modelNames(['net.onnx'], ['net'])).toEqual(['net (2)']);
});

test('folders of testcases are named by themselves', () => {
  expect(corpusNames(['nightly/a/', 'nightly/b'], ['b'])).toEqual(['a', 'b (2)']);
});
