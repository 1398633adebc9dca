import { describe, expect, test } from '@jest/globals';
import { parsePlausible } from '../../src/config/threat-model.ts';
import { isPlausible, Plausibility, plausibilityValues } from '../../src/evaluation/plausibility.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { allocateBatch, makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { testFolder } from '../support/folder.ts';
import { writeBiasedOnnx, writeMaximumOnnx } from '../support/models.ts';

const folder = testFolder();

test.each([
  ['< 0.5', [0.4, 0.5, 0.6], [true, false, false]],
  ['<= 0.5', [0.4, 0.5, 0.6], [true, true, false]],
  ['> 0.5', [0.4, 0.5, 0.6], [false, false, true]],
  ['>= 0.5', [0.4, 0.5, 0.6], [false, true, true]],
  ['>= 0.5', [Number.NaN], [false]],
  ['< 0.5', [Number.NaN], [false]],
])('%s', (bound, values, verdicts) => {
  const parsed = parsePlausible(`judge.onnx ${bound}`);
  expect(values.map((value) => isPlausible(value, parsed))).toEqual(verdicts);
});

describe('a model of what is plausible', () => {
  const x = { name: 'x', type: 'float32', shape: [null, 4] } as const;

  async function judge(path: string, bound: string, rows: readonly (readonly number[])[]) {
    const model = await loadModel(path, { runtime: 'auto' });
    const form = shapeSignatureOf([makeTestcaseInput(x, [4])]);
    const batch = allocateBatch(form, rows.length);
    for (const [i, row] of rows.entries()) for (const [k, v] of row.entries()) batch.inputs[0][4 * i + k] = v;
    const batched = new BatchedModel(model);
    await batched.probe({ ...batch, capacity: rows.length }, []);
    const plausibility = new Plausibility(batched, parsePlausible(`${path} ${bound}`));
    try {
      return await plausibility.areRowsPlausible(batch, rows.length);
    } finally {
      await model.dispose();
    }
  }

  const ROWS = [
    [0.1, 0.2, 0.3, 0.4],
    [0.9, 0, 0, 0],
    [0.4999, 0, 0.1, 0],
  ];

  test('judges each row', async () => {
    expect(await judge(writeMaximumOnnx(folder), '< 0.5', ROWS)).toEqual([true, false, true]);
  });

  test('reads the value that it is given', async () => {
    const path = writeBiasedOnnx(folder, [0, 0, 0, 0]);
    expect(await judge(path, '< 0.2', ROWS)).toEqual([true, false, false]);
    expect(
      await judge(
        `${path}`,
        '< 0.2',
        ROWS.map((row) => [...row].reverse()),
      ),
    ).toEqual([false, true, true]);
  });

  test('has no value beyond its output', async () => {
    const bound = parsePlausible('judge.onnx[4] < 1');
    const output = { name: 'y', type: 'float32', shape: [1, 4], size: 4, data: new Float32Array(4) } as const;
    expect(() => plausibilityValues([output], 1, bound)).toThrow(
      'threatModel.plausible: judge.onnx has 4 values for an input, and none at [4]',
    );
    expect(
      plausibilityValues([{ ...output, data: Float32Array.of(1, 2, 3, 4) }], 1, { ...bound, index: 3 }),
    ).toEqual([4]);
  });
});
