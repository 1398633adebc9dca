import { expect, test } from '@jest/globals';
import { traceFailedRun } from '../../src/evaluation/failed-run.ts';
import { rerunTestcase } from '../../src/evaluation/rerun-testcase.ts';
import { testVariants } from '../../src/evaluation/test-variants.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { shapeSignatureOf, type TestcaseBatch } from '../../src/model/testcase-batch.ts';
import { testFolder } from '../support/folder.ts';
import { functionModel } from '../support/function-model.ts';
import { TABLE_PLACES, writePositionTableOnnx } from '../support/models.ts';
import { testcaseOf } from '../support/tasks.ts';

const folder = testFolder();

/** The message of ONNX Runtime for a node that fails. */
const failureOf = (node: string): Error =>
  new Error(`Non-zero status code returned while running Add node. Name:'${node}' Status Message: no`);

/** A model whose runs fail; without optimisation as `unoptimized` does. */
const failing = (unoptimized: () => void): BatchedModel =>
  new BatchedModel(
    functionModel(
      {
        inputs: [{ name: 'x', type: 'float32', shape: [null, 1] }],
        outputs: ['y'],
        capabilities: {
          unoptimizedRun: {
            run: async () => {
              unoptimized();
              return { outputs: [] };
            },
          },
        },
      },
      () => [],
    ),
  );

const trace = (unoptimized: () => void, canTrace = true) =>
  traceFailedRun(failing(unoptimized), testcaseOf([1]), failureOf('fused'), canTrace);

test('a run that fails is named after what fails without optimisation, and is known by the other name too', async () => {
  const throwing = () => {
    throw failureOf('written');
  };
  expect(await trace(throwing)).toMatchObject({ signature: 'crash-written', symptom: 'crash-fused' });
  expect((await trace(throwing, false)).signature).toBe('crash-fused');
});

test.each<[string, () => void]>([
  ['runs through', () => {}],
  [
    'fails without naming an operation',
    () => {
      throw new Error('the graph does not open');
    },
  ],
  [
    'fails at the same one',
    () => {
      throw failureOf('fused');
    },
  ],
])('a run keeps its name where the graph %s without optimisation', async (_, unoptimized) => {
  const violation = await trace(unoptimized);
  expect(violation.signature).toBe('crash-fused');
  expect(violation.symptom).toBeUndefined();
});

test('a lookup that the optimiser turns into a slice is blamed, with its index, by every rerun', async () => {
  const model = new BatchedModel(await loadModel(writePositionTableOnnx(folder), { runtime: 'auto' }));
  const length = TABLE_PLACES + 1;
  const tokens: TestcaseBatch = {
    form: shapeSignatureOf([{ name: 'tokens', type: 'int64', shape: [length], size: length }]),
    inputs: [new BigInt64Array(length).fill(1n)],
  };
  const error = await model.run(tokens, 1, []).catch((thrown: unknown) => thrown);
  const violation = await traceFailedRun(model, tokens, error, true);
  expect(violation.signature).toBe('crash-placed');
  expect(violation.summary).toContain(`idx=${TABLE_PLACES}`);
  // Else there would be nothing to mend.
  expect(violation.symptom).toMatch(/^crash-(?!placed)/);

  const request = { batch: tokens, rows: 1, row: 0, canTrace: true };
  for (const signature of [violation.signature, String(violation.symptom)]) {
    const expected = { signature, tensors: [] };
    expect(await rerunTestcase(model, [], expected, request, 2)).toMatchObject({ matchingRuns: 2 });
    expect(await testVariants(model, [], expected, request)).toEqual([true]);
  }
  await model.model.dispose();
});
