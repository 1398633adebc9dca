import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { rerunTestcase } from '../../src/evaluation/rerun-testcase.ts';
import { testVariants } from '../../src/evaluation/test-variants.ts';
import { variantMargins } from '../../src/evaluation/variant-margins.ts';
import { PluginError } from '../../src/extensions/plugin-loader.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { shapeSignatureOf, type TestcaseBatch } from '../../src/model/testcase-batch.ts';
import type { Objective } from '../../src/objectives/objective.ts';
import { makeBuiltIn } from '../../src/objectives/registry.ts';
import { testFolder } from '../support/folder.ts';
import { writeDivisionOnnx, writeLogOnnx } from '../support/models.ts';

const folder = testFolder();
const floats = shapeSignatureOf([{ name: 'x', type: 'float32', shape: [4], size: 4 }]);
const integers = shapeSignatureOf([{ name: 'x', type: 'int64', shape: [4], size: 4 }]);
const batchOf = (...rows: number[][]): TestcaseBatch => ({
  form: floats,
  inputs: [Float32Array.from(rows.flat())],
});
const nonfinite = makeBuiltIn('nonfinite');
const nanFromLog = { signature: 'nonfinite-nan-y', tensors: ['y'] };

let log: BatchedModel;
let division: BatchedModel;
beforeAll(async () => {
  log = new BatchedModel(await loadModel(writeLogOnnx(folder), { runtime: 'auto' }));
  division = new BatchedModel(await loadModel(writeDivisionOnnx(folder), { runtime: 'auto' }));
});

describe('rerunTestcase', () => {
  test('counts runs with the signature and names the operation and its operand', async () => {
    let beats = 0;
    const request = { batch: batchOf([1, 1, 1, 1], [1, -2, 1, 1]), rows: 2, row: 1, canTrace: true };
    const result = await rerunTestcase(
      log,
      [nonfinite],
      nanFromLog,
      { ...request, explainsOrigin: true },
      3,
      () => beats++,
    );
    expect(result).toMatchObject({ matchingRuns: 3, totalRuns: 3, otherSignatures: [] });
    expect(result.violation?.symptom).toBe('nonfinite-nan-y');
    expect(result.summary).toMatch(/^Log y\(-2\) gives NaN; it reaches output y\[1\]$/);
    expect(beats).toBe(3);
  });

  test('lists other signatures of the row, and none of its neighbours', async () => {
    const request = { batch: batchOf([-1, 1, 1, 1], [1, 0, 1, 1]), rows: 2, row: 1, canTrace: false };
    expect(await rerunTestcase(log, [nonfinite], nanFromLog, request, 2)).toMatchObject({
      matchingRuns: 0,
      otherSignatures: ['nonfinite-inf-y'],
    });
  });

  test('takes a run that the runtime fails for a crash', async () => {
    const request = {
      batch: { form: integers, inputs: [BigInt64Array.of(1n, 0n, 1n, 1n)] },
      rows: 1,
      row: 0,
      canTrace: false,
    };
    const first = await rerunTestcase(division, [nonfinite], { signature: 'x', tensors: [] }, request, 1);
    const [signature] = first.otherSignatures;
    expect(signature).toMatch(/^crash-/);
    expect(await rerunTestcase(division, [nonfinite], { signature, tensors: [] }, request, 2)).toMatchObject({
      matchingRuns: 2,
    });
  });

  test('a plug-in that fails neither reproduces its violation nor hides another objective’s', async () => {
    const broken: Objective = {
      name: 'mine',
      judge: () => {
        throw new PluginError('mine.js failed');
      },
    };
    const request = { batch: batchOf([-1, 1, 1, 1]), rows: 1, row: 0, canTrace: false };
    expect(await rerunTestcase(log, [broken, nonfinite], nanFromLog, request, 1)).toMatchObject({
      matchingRuns: 1,
    });
    expect(
      await rerunTestcase(log, [broken], { signature: 'mine-x', tensors: [] }, request, 1),
    ).toMatchObject({ matchingRuns: 0, otherSignatures: ['plugin-failed'] });
  });
});

describe('testVariants', () => {
  test('tells which rows break in the same way', async () => {
    const batch = batchOf([1, 1, 1, 1], [-1, 1, 1, 1], [0, 1, 1, 1], [2, 2, -2, 2]);
    expect(await testVariants(log, [nonfinite], nanFromLog, { batch, rows: 4, canTrace: false })).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  test('halves a batch that the runtime fails', async () => {
    const run = async (signature: string) =>
      testVariants(
        division,
        [nonfinite],
        { signature, tensors: [] },
        {
          batch: {
            form: integers,
            inputs: [BigInt64Array.of(1n, 1n, 1n, 1n, 1n, 0n, 1n, 1n, 2n, 2n, 2n, 2n)],
          },
          rows: 3,
          canTrace: false,
        },
      );
    const request = {
      batch: { form: integers, inputs: [BigInt64Array.of(1n, 0n, 1n, 1n)] },
      rows: 1,
      row: 0,
      canTrace: false,
    };
    const crash = await rerunTestcase(division, [], { signature: '', tensors: [] }, request, 1);
    expect(await run(crash.otherSignatures[0])).toEqual([false, true, false]);
    expect(await run('crash-other')).toEqual([false, false, false]);
  });
});

describe('variantMargins', () => {
  test('shrink toward the operation in the signature', async () => {
    const graph = new OnnxBuilder();
    graph.node('Neg', [graph.input('x', 'float32', ['batch', 4])], 'negated');
    graph.node('Log', ['negated'], 'y');
    graph.output('y', 'float32', ['batch', 4]);
    const path = join(folder, 'log-of-negated.onnx');
    writeFileSync(path, graph.finish('log-of-negated'));
    const model = new BatchedModel(await loadModel(path, { runtime: 'auto' }));
    const batch = batchOf([-8, -8, -8, -8], [-8, -8, -8, -0.25], [-1, -1, 1, -1]);
    const variants = { batch, rows: 3, canTrace: false };
    const margins = await variantMargins(model, [nonfinite], nanFromLog, variants);
    expect(margins[1]).toBeLessThan(margins[0]);
    expect(margins[2]).toBe(0);
  });

  test('are infinite if the signature names no site', async () => {
    const batch = batchOf([1, 1, 1, 1]);
    const expected = { signature: 'nonfinite-nan-elsewhere', tensors: [] };
    expect([
      ...(await variantMargins(log, [nonfinite], expected, { batch, rows: 1, canTrace: false })),
    ]).toEqual([Number.POSITIVE_INFINITY]);
  });
});
