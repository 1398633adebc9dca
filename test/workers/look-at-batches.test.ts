import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import type { LoadOptions } from '../../src/model/model.ts';
import { lookAtBatches } from '../../src/workers/look-at-batches.ts';
import { testFolder } from '../support/folder.ts';
import { functionModel } from '../support/function-model.ts';
import { writeCrowdOnnx } from '../support/models.ts';
import { testcaseOf } from '../support/tasks.ts';

const folder = testFolder();
const testcases = [
  [1, 0.9, 0.5, 0],
  [0.2, 0.3, 0.9, 0.8],
  [0.7, 0.1, 0.2, 0.4],
].map((values) => testcaseOf(values));

async function look(path: string, options: Partial<LoadOptions> = {}, canTrace = true) {
  const load = () => loadModel(path, { runtime: 'auto', ...options });
  const model = await load();
  const dependence = await lookAtBatches(model, load, { testcases, canTrace });
  await model.dispose();
  return dependence;
}

/** Writes x quantized by a scale of its own and back: of the whole batch, or a constant. */
function writeQuantized(isDynamic: boolean): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  if (isDynamic) graph.node('DynamicQuantizeLinear', [x], ['levels', 'scale', 'zero']);
  else {
    graph.constant('scale', 'float32', [], Float32Array.of(1 / 255));
    graph.constant('zero', 'uint8', [], Uint8Array.of(0));
    graph.node('QuantizeLinear', [x, 'scale', 'zero'], 'levels');
  }
  graph.node('DequantizeLinear', ['levels', 'scale', 'zero'], 'logits');
  graph.output('logits', 'float32', ['batch', 4]);
  const path = join(folder, `quantized-${isDynamic}.onnx`);
  writeFileSync(path, graph.finish('quantized'));
  return path;
}

function writePlain(): string {
  const graph = new OnnxBuilder();
  graph.node('Identity', [graph.input('x', 'float32', ['batch', 4])], 'logits');
  graph.output('logits', 'float32', ['batch', 4]);
  const path = join(folder, 'plain.onnx');
  writeFileSync(path, graph.finish('plain'));
  return path;
}

test('a model whose answers depend on the rest of the batch is found, with the operation', async () => {
  expect(await look(writeCrowdOnnx(folder, 1))).toEqual({
    side: 'reference',
    cause: 'neighbours',
    operation: { name: 'most', op: 'ReduceMax' },
  });
  expect(await look(writeCrowdOnnx(folder, 1), {}, false)).toMatchObject({ operation: null });
  expect(await look(writeCrowdOnnx(folder, 0))).toBeUndefined();
});

test('of a pair, dynamic quantization is found in the second model, and static quantization is sound', async () => {
  const against = (path: string) => look(writePlain(), { secondModel: { path, runtime: 'auto' } });
  expect(await against(writeQuantized(true))).toEqual({
    side: 'second',
    cause: 'neighbours',
    operation: { name: 'levels', op: 'DynamicQuantizeLinear' },
  });
  expect(await against(writeQuantized(false))).toBeUndefined();
});

test('a model that fails the runs is not judged', async () => {
  const model = functionModel(
    { inputs: [{ name: 'x', type: 'float32', shape: [null, 4] }], outputs: ['y'] },
    () => {
      throw new Error('fails');
    },
  );
  const dependence = await lookAtBatches(model, async () => model, { testcases, canTrace: true });
  expect(dependence).toBeUndefined();
});
