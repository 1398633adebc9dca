import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import {
  promptSlopes,
  tokenInputsOf,
  tokenSlopes,
} from '../../../../src/fuzzer/search/ascent/token-slopes.ts';
import { BatchedModel } from '../../../../src/model/batched-model.ts';
import { OnnxBuilder } from '../../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../../src/model/formats/registry.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../../../src/model/testcase-batch.ts';
import { testFolder } from '../../../support/folder.ts';
import { traitsOf } from '../../../support/mutators.ts';
import { rowFunctionModel } from '../../../support/task-runner.ts';

const folder = testFolder();
const LENGTH = 2;
const TOKENS = traitsOf({
  name: 'tokens',
  type: 'int64',
  domains: ['tokens'],
  size: LENGTH,
  range: { low: 1, high: 4 },
  tokens: {
    special: [2],
    length: [1, LENGTH],
    vocabulary: ['a', 'b', 'c', null, 'e'],
    dictionary: [],
  },
});

test('inputs of tokens are told by their descriptors', () => {
  expect(tokenInputsOf([traitsOf(), TOKENS, TOKENS])).toEqual([1, 2]);
});

test('replacements are legal tokens that are not special, and each row has its own', async () => {
  const graph = new OnnxBuilder();
  graph.constant('table', 'float32', [5, 1], Float32Array.of(0, -1, -5, -6, -2));
  graph.node('Gather', ['table', graph.input('tokens', 'int64', ['batch', LENGTH])], 'y');
  graph.output('y', 'float32', ['batch', LENGTH, 1]);
  const path = join(folder, 'tokens.onnx');
  writeFileSync(path, graph.finish('tokens'));
  const model = await loadModel(path, { runtime: 'auto' });
  const form = shapeSignatureOf([makeTestcaseInput(model.inputs[0], [LENGTH])]);
  const batch = { batch: { form, inputs: [BigInt64Array.of(0n, 1n, 4n, 4n)] }, rows: 2 };
  // The first row is to sink, the second to rise: of tokens 1 and 4, which are legal, 4 is lower.
  const [sinks, rises] = await tokenSlopes(
    new BatchedModel(model),
    batch,
    0,
    [Float32Array.of(1, 1, -1, -1)],
    TOKENS,
  );
  const legal = ({ tokens, gains, count }: typeof sinks): [number, number][][] =>
    Array.from({ length: LENGTH }, (_, position) =>
      Array.from({ length: count }, (_, k): [number, number] => [
        tokens[position * count + k],
        gains[position * count + k],
      ]).filter(([, gain]) => Number.isFinite(gain)),
    );
  expect(legal(sinks)).toEqual([
    [
      [4, 2],
      [1, 1],
    ],
    [
      [4, 1],
      [1, 0],
    ],
  ]);
  expect(legal(rises)[0]).toEqual([
    [1, 1],
    [4, 0],
  ]);
  await model.dispose();
});

test('there are none in prompts where margins measure no continuation, or the model writes no text', async () => {
  const { model } = rowFunctionModel((x) => [x[0]]);
  const form = shapeSignatureOf([makeTestcaseInput(model.model.inputs[0], [3])]);
  const batch = { batch: { form, inputs: [new Float32Array(3)] }, rows: 1 };
  const objective = { name: 'own', judge: () => {} };
  expect(await promptSlopes(model, batch, objective, [0], TOKENS)).toBeUndefined();
  const wanting = { ...objective, continuations: () => [undefined] };
  expect(await promptSlopes(model, batch, wanting, [0], TOKENS)).toBeUndefined();
});
