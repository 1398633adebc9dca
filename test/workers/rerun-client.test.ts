import { describe, expect, test } from '@jest/globals';
import type { RerunResult } from '../../src/evaluation/rerun-testcase.ts';
import { ProcessDied } from '../../src/workers/lifetime/process-died.ts';
import { RerunClient } from '../../src/workers/rerun-client.ts';
import type { RerunApi, RerunJob, VariantJob } from '../../src/workers/services/rerun-service.ts';
import { type Answers, crash, spawner } from '../support/process.ts';
import { testcaseOf } from '../support/tasks.ts';

const JOB: Omit<RerunJob, 'runs'> = {
  model: 'm.onnx',
  loadOptions: { runtime: 'auto' },
  objectives: ['nonfinite'],
  expectedViolation: { signature: 'crash-sigsegv', tensors: [] },
  batch: testcaseOf([1]),
  rows: 1,
  row: 0,
  canTrace: false,
};

const matching = (runs: number): RerunResult => ({
  matchingRuns: runs,
  totalRuns: runs,
  otherSignatures: [],
});

function client(answers: Answers<RerunApi>) {
  const processes = spawner<RerunApi>({ open: () => undefined, ...answers });
  return {
    rerunClient: new RerunClient({ timeout: 1000, memory: 1e9 }, processes.spawn),
    started: processes.started,
  };
}

describe('reproduce', () => {
  test('runs a finding ten times in one fresh session', async () => {
    const { rerunClient, started } = client({ reproduce: ({ runs }: RerunJob) => matching(runs) });
    expect(await rerunClient.reproduce('nonfinite', JOB)).toMatchObject({ matchingRuns: 10, totalRuns: 10 });
    expect(started.map((process) => process.methods())).toEqual([['open', 'reproduce']]);
  });

  test('counts deaths that are the finding itself, each in a process of its own', async () => {
    const { rerunClient, started } = client({
      reproduce: () => {
        throw crash();
      },
    });
    expect(await rerunClient.reproduce('crash', JOB, 3)).toMatchObject({ matchingRuns: 3, totalRuns: 3 });
    expect(started).toHaveLength(3);
  });

  test('passes over one unexpected death, and counts further ones as other signatures', async () => {
    let deaths = 2;
    const { rerunClient } = client({
      reproduce: ({ runs }: RerunJob) => {
        if (deaths-- > 0) throw crash('SIGABRT');
        return matching(runs);
      },
    });
    expect(await rerunClient.reproduce('crash', JOB, 5)).toMatchObject({
      matchingRuns: 4,
      totalRuns: 5,
      otherSignatures: ['crash-sigabrt'],
    });
  });

  test('does not count deaths by something outside, and runs as often as without', async () => {
    const deaths = [crash('SIGKILL'), crash('SIGTERM'), crash('SIGKILL')];
    const { rerunClient, started } = client({
      reproduce: ({ runs }: RerunJob) => {
        const death = deaths.shift();
        if (death !== undefined) throw death;
        return matching(runs);
      },
    });
    expect(await rerunClient.reproduce('nonfinite', JOB)).toEqual(matching(10));
    expect(started.map((process) => process.methods())).toEqual(Array(4).fill(['open', 'reproduce']));
  });

  test('fails where the client was closed', async () => {
    const { rerunClient, started } = client({});
    rerunClient.close();
    await expect(rerunClient.reproduce('crash', JOB)).rejects.toThrow(ProcessDied);
    expect(started).toEqual([]);
  });

  test('an error that is no death is not swallowed', async () => {
    const { rerunClient } = client({
      open: () => {
        throw new Error('no such model');
      },
    });
    await expect(rerunClient.reproduce('crash', JOB)).rejects.toThrow('no such model');
  });
});

test.each([
  [{ matchingRuns: 1, totalRuns: 1, otherSignatures: [] }, 'same'],
  [{ matchingRuns: 0, totalRuns: 1, otherSignatures: ['slow'] }, 'other'],
  [{ matchingRuns: 0, totalRuns: 1, otherSignatures: [] }, 'none'],
])('a variant with the result %j has the outcome %s', async (result, outcome) => {
  const { rerunClient } = client({ reproduce: () => result });
  expect(await rerunClient.runVariant(JOB)).toBe(outcome);
});

test('a variant runs in a session that was opened alike, else in one of its own', async () => {
  const { rerunClient, started } = client({ reproduce: ({ runs }: RerunJob) => matching(runs) });
  const threaded = { ...JOB, loadOptions: { runtime: 'auto', threads: 2 } } as const;
  await rerunClient.runVariant(JOB);
  await rerunClient.runVariant(JOB);
  await rerunClient.reproduce('nonfinite', threaded, 1);
  await rerunClient.runVariant(threaded);
  await rerunClient.runVariant(JOB);
  expect(started.map((process) => process.methods())).toEqual([
    ['open', 'reproduce', 'reproduce', 'open', 'reproduce', 'reproduce', 'open', 'reproduce'],
  ]);
});

test('a variant that ends the process has the outcome of that death', async () => {
  const dying = (exitStatus: string) =>
    client({
      reproduce: () => {
        throw crash(exitStatus);
      },
    }).rerunClient.runVariant(JOB);
  expect([await dying('SIGSEGV'), await dying('SIGABRT')]).toEqual(['same', 'other']);
});

describe('variants', () => {
  const { form } = testcaseOf([0]);
  const job = (...values: number[]): VariantJob => ({
    ...JOB,
    batch: { form, inputs: [Float32Array.from(values)] },
    rows: values.length,
  });
  const valuesOf = ({ batch, rows }: VariantJob): number[] =>
    Array.from((batch.inputs[0] as Float32Array).subarray(0, rows));

  test('one that ends the process is found by halving', async () => {
    const { rerunClient, started } = client({
      testVariants: (variants: VariantJob) => {
        if (valuesOf(variants).includes(-1)) throw crash();
        return valuesOf(variants).map((value) => value > 2);
      },
    });
    expect(await rerunClient.testVariants(job(1, 2, 3, -1, 4))).toEqual([false, false, true, true, true]);
    expect(started.length).toBeGreaterThan(1);
  });

  test('share one open session', async () => {
    const { rerunClient, started } = client({
      testVariants: ({ rows }: VariantJob) => Array(rows).fill(true),
    });
    await rerunClient.testVariants(job(1, 2));
    await rerunClient.testVariants(job(3));
    expect(started.map((process) => process.methods())).toEqual([['open', 'testVariants', 'testVariants']]);
  });

  test('have infinite margins where one of them ends the process', async () => {
    const { rerunClient } = client({
      variantMargins: () => {
        throw crash();
      },
    });
    expect([...(await rerunClient.variantMargins(job(1, 2)))]).toEqual([Infinity, Infinity]);
  });
});

test('a model whose loading ends the process is refused by its path', async () => {
  const { rerunClient } = client({
    identify: () => {
      throw crash();
    },
  });
  await expect(rerunClient.identify('m.onnx', { runtime: 'auto' })).rejects.toThrow(
    /^m\.onnx: loading it ends/,
  );
});
