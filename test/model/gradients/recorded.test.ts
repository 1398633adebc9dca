import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { unzipSync } from 'fflate';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { decodeNpz } from '../../../src/tensor/npz.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';

/** Networks exported by PyTorch, with gradients that its autograd computed: see make.py beside the archive. */
const files = unzipSync(readFileSync('test/fixtures/gradients/cases.zip'));
const recorded = decodeNpz(files['recorded.npz'], 'recorded.npz');
const names = Object.keys(files).flatMap((name) => (name.endsWith('.onnx') ? [name.slice(0, -5)] : []));
const folder = mkdtempSync(join(tmpdir(), 'neurofuzz-gradients-'));

/** Differences relative to the largest value of the gradient. */
const TOLERANCE = 1e-5;

function recordedTensor(name: string): Tensor {
  const tensor = recorded.get(name);
  if (tensor === undefined) throw new Error(`recorded.npz has no ${name}`);
  return tensor;
}

/** The largest difference, relative to the largest expected value. */
function relativeError(actual: Tensor, expected: Tensor): number {
  expect(actual.shape).toEqual(expected.shape);
  const [a, e] = [actual.data as Float32Array, expected.data as Float32Array];
  const largest = e.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - e[i]) / largest), 0);
}

test('there are cases', () => {
  expect(names.length).toBeGreaterThan(100);
});

test.each(names)(
  '%s: the gradient is that of PyTorch, in the graph of the model and in one of its own',
  async (name) => {
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, files[`${name}.onnx`]);
    const model = await loadModel(path, { runtime: 'auto' });
    const expected = recordedTensor(`${name}/gradient`);
    const x = recordedTensor(`${name}/x`);
    const upstream = recordedTensor(`${name}/upstream`);
    for (const layout of ['auto', 'separate'] as const) {
      const gradient = await model.capabilities.gradients?.gradient({ of: 'y', wrt: ['x'], layout }, [x]);
      expect(gradient?.stops).toEqual([]);
      const [actual] = (await gradient?.run([x], upstream)) ?? [];
      expect(relativeError(actual, expected)).toBeLessThan(TOLERANCE);
    }
    await model.dispose();
  },
);
