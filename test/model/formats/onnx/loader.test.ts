import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ML_DOMAIN, OnnxBuilder } from '../../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../../src/model/formats/registry.ts';
import { encodeStrings } from '../../../../src/tensor/strings.ts';
import type { Tensor } from '../../../../src/tensor/tensor.ts';
import { testFolder } from '../../../support/folder.ts';

const folder = testFolder();

function write(name: string, builder: OnnxBuilder): string {
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, builder.finish(name));
  return path;
}

test('a classifier of scikit-learn gives indices of its labels and the scores of its maps, both with names', async () => {
  const model = await loadModel('test/fixtures/sklearn/pipeline.onnx', { runtime: 'auto' });
  expect(model.inputs.map(({ name, type, shape }) => [name, type, shape])).toEqual([
    ['colour', 'uint32', [null, 1, null]],
    ['size', 'uint32', [null, 1, null]],
    ['weight', 'float32', [null, 1]],
  ]);
  expect(model.inputs.map(({ strings }) => strings?.pool)).toEqual([
    ['blue', 'green', 'red'],
    ['large', 'medium', 'small'],
    undefined,
  ]);
  const names = ['accept', 'reject', 'review'];
  expect(Object.fromEntries(model.classes ?? [])).toEqual({ output_label: names, output_probability: names });
  const feeds: Tensor[] = [
    encodeStrings(['red', 'green'], [2, 1]),
    encodeStrings(['large', 'small'], [2, 1], 40),
    { type: 'float32', shape: [2, 1], data: Float32Array.of(0.5, -1) },
  ];
  const { outputs } = await model.run(feeds, []);
  const [label, shares] = outputs;
  expect(label).toMatchObject({ name: 'output_label', type: 'int32', shape: [2] });
  expect([...label.data].map((index) => names[Number(index)])).toEqual(['accept', 'reject']);
  expect(shares).toMatchObject({ name: 'output_probability', type: 'float32', shape: [2, 3] });
  expect(Number(shares.data[0]) + Number(shares.data[1]) + Number(shares.data[2])).toBeCloseTo(1, 5);
  expect(Number(shares.data[0])).toBeGreaterThan(0.9);
  await model.dispose();
});

test('elements of a sequence are outputs, and what can not be looked at is named with its reason', async () => {
  const builder = new OnnxBuilder();
  builder.input('x', 'float32', ['N', 2]);
  builder.input('s', 'string', ['N', 1]);
  builder.node('Neg', ['x'], 'negated');
  builder.node('SequenceConstruct', ['x', 'negated'], 'pair');
  builder.node('SplitToSequence', ['x'], 'rows');
  builder.node('Identity', ['s'], 'echo');
  for (const name of ['pair', 'rows']) builder.output(name, { mapsFrom: 'string' }, []);
  builder.output('echo', 'string', ['N', 1]);
  // The builder's type of outputs that are no tensors is that of ZipMap; sequences of tensors have none of their own.
  const path = write('sequence', builder);
  const model = await loadModel(path, { runtime: 'auto' });
  expect(model.outputs).toEqual(['pair_0', 'pair_1']);
  expect(model.omittedOutputs).toEqual([
    { name: 'rows', reason: 'it is a sequence' },
    { name: 'echo', reason: expect.stringContaining('does not list them') },
  ]);
  const { outputs } = await model.run(
    [{ type: 'float32', shape: [1, 2], data: Float32Array.of(1, -2) }, encodeStrings(['a'], [1, 1])],
    [],
  );
  expect(outputs.map(({ data }) => [...data])).toEqual([
    [1, -2],
    [-1, 2],
  ]);
  await model.dispose();
});

test('an input of maps is refused in one line', async () => {
  const builder = new OnnxBuilder();
  builder.input('x', { mapsFrom: 'string' }, []);
  builder.node('DictVectorizer', ['x'], 'y', { string_vocabulary: { strings: ['a'] } }, ML_DOMAIN);
  builder.output('y', 'float32', [1]);
  await expect(loadModel(write('maps', builder), { runtime: 'auto' })).rejects.toThrow(/maps\.onnx/);
});
