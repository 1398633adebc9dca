import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();

function model(input: string, inner: string, output: string): string {
  const graph = new OnnxBuilder();
  graph.input(input, 'float32', ['batch', 2]);
  graph.node('Abs', [input], inner);
  graph.node('Sqrt', [inner], output);
  graph.output(output, 'float32', ['batch', 2]);
  const path = join(folder, `${[input, inner, output].join('-')}.onnx`);
  writeFileSync(path, graph.finish('names'));
  return path;
}

test.each([
  ['__proto__', 'inner', 'y'],
  ['x', '__proto__', 'y'],
  ['x', 'inner', '__proto__'],
  ['constructor', 'inner', 'y'],
  ['x', 'toString', 'y'],
])('a model with tensors %s, %s, %s is refused: objects have one of these names', async (...names) => {
  const reserved = names.find((name) => name in {});
  await expect(loadModel(model(...names), { runtime: 'auto', threads: 1 })).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringContaining(`has an element named ${reserved}, a name that is reserved`),
  });
  expect(Object.getPrototypeOf({})).toBe(Object.prototype);
});

test('other names are taken', async () => {
  const loaded = await loadModel(model('prototype', 'length', 'name'), { runtime: 'auto', threads: 1 });
  expect(loaded.inputs.map(({ name }) => name)).toEqual(['prototype']);
  await loaded.dispose();
});
