import { describe, expect, test } from '@jest/globals';
import { HitConfirmer, type HitConfirmerOptions } from '../../../src/campaign/findings/confirm.ts';
import { SeedSpan } from '../../../src/campaign/findings/severity.ts';
import type { RerunResult } from '../../../src/evaluation/rerun-testcase.ts';
import type { Hit } from '../../../src/fuzzer/scheduling/task.ts';
import { packBatch } from '../../../src/model/testcase-batch.ts';
import type { RerunJob } from '../../../src/workers/services/rerun-service.ts';
import { testcaseOf } from '../../support/tasks.ts';

const ROWS = 4;

function hitOf(objective: string): Hit {
  const data = testcaseOf([1]);
  const neighbours = Array.from({ length: ROWS - 1 }, (_, i) => testcaseOf([i + 2]));
  const violation = {
    objective,
    signature: `${objective}-x`,
    summary: '',
    tensors: [],
    details: { of: 'hit' },
  };
  return {
    pick: 0,
    execs: 1,
    violation,
    data,
    batch: { data: packBatch([data, ...neighbours]), rows: ROWS, row: 0 },
  };
}

/** The answer of a run, as the outputs of both models. */
function outputsOf(reference: number, second: number): RerunResult['outputs'] {
  const tensor = (value: number) => [
    { name: 'y', type: 'float32' as const, shape: [2], data: Float32Array.of(value, 1) },
  ];
  return { reference: tensor(reference), second: tensor(second) };
}

/** Whether the rows of a batch are equal. */
const areCopies = ({ batch, rows }: RerunJob): boolean =>
  new Set(Array.from({ length: rows }, (_, row) => Number(batch.inputs[0][row]))).size === 1;

/** Confirms a hit; `answer` says of each call whether the violation shows, and what both models give. */
async function confirm(
  objective: string,
  answer: (job: RerunJob, kind: 'alone' | 'copies' | 'mixed') => readonly [boolean, RerunResult['outputs']?],
) {
  const rerunClient = {
    async reproduce(_: string, job: RerunJob, runs = 10): Promise<RerunResult> {
      const kind = job.rows === 1 ? 'alone' : areCopies(job) ? 'copies' : 'mixed';
      const [shows, outputs] = answer(job, kind);
      const violation = { ...hitOf(objective).violation, details: { of: kind } };
      return {
        matchingRuns: shows ? runs : 0,
        totalRuns: runs,
        otherSignatures: [],
        ...(shows ? { violation, summary: `as seen ${kind}` } : {}),
        ...(outputs === undefined ? {} : { outputs, isDeterministic: true }),
      };
    },
  };
  const confirmer = new HitConfirmer({
    rerunClient,
    objectives: [objective],
    modelPath: 'm.onnx',
    loadOptions: { runtime: 'auto' },
    runtime: 'onnx',
    comparesLayers: false,
    isUnbatched: false,
    noise: undefined,
    canTrace: false,
    seedSpan: new SeedSpan([]),
    imageFormats: [],
    hasPadding: false,
  } as unknown as HitConfirmerOptions);
  return confirmer.confirm(hitOf(objective), undefined);
}

describe('a hit', () => {
  test('that shows alone is told by that run', async () => {
    expect(await confirm('assert', () => [true])).toMatchObject({
      status: 'confirmed',
      reproduced: '10/10',
      summary: 'as seen alone',
      details: { of: 'alone' },
    });
  });

  test('that shows in its batch alone needs it, and is told by the run in it', async () => {
    expect(await confirm('assert', (_, kind) => [kind === 'mixed'])).toMatchObject({
      status: 'batch-dependent',
      reproduced: '10/10',
      summary: 'as seen mixed',
      details: { of: 'mixed' },
    });
  });

  test('that shows nowhere again is flaky', async () => {
    const confirmed = await confirm('assert', () => [false]);
    expect(confirmed).toMatchObject({ status: 'flaky', reproduced: '0/10' });
    expect(confirmed.details).toBeUndefined();
  });
});

describe('a disagreement that shows in its batch and not alone', () => {
  const disagree = (copies: number, mixed: number) =>
    confirm('quantization', (_, kind) => [kind === 'mixed', outputsOf(1, { alone: 1, copies, mixed }[kind])]);

  test('needs its batch where the neighbours change what a model answers', async () => {
    expect(await disagree(1, 1.01)).toMatchObject({
      status: 'batch-dependent',
      summary: 'as seen mixed',
      outputs: outputsOf(1, 1.01),
    });
  });

  test('needs it where the size of the batch alone changes the answer by more than any rounding', async () => {
    expect(await disagree(1.5, 1.5)).toMatchObject({ status: 'batch-dependent' });
  });

  test('is flaky where both differ by rounding: a tie that the size of a run breaks', async () => {
    // A level of a quantized tensor, which any other order of a sum may turn.
    for (const rounded of [1 + 1e-6, 1.004])
      expect(await disagree(rounded, rounded)).toMatchObject({
        status: 'flaky',
        reproduced: '0/10',
        why: `it shows in a batch of ${ROWS} and not alone`,
      });
  });
});
