import { expect, test } from '@jest/globals';
import type { CalibrationPlan } from '../../src/fuzzer/calibration.ts';
import { goalTensors, type SearchGoal } from '../../src/fuzzer/search/search-goal.ts';
import type { TestcaseData } from '../../src/inputs/testcase.ts';
import { ProbeWorker } from '../../src/workers/probe-worker.ts';
import { ProcessDied } from '../../src/workers/rpc-client.ts';
import type { FuzzApi } from '../../src/workers/services/fuzz-service.ts';
import type { WorkerSetup } from '../../src/workers/worker-setup.ts';
import { type Answers, crash, spawner } from '../support/process.ts';
import { testcaseOf } from '../support/tasks.ts';

function probing(answers: Answers<FuzzApi>) {
  const processes = spawner<FuzzApi>({ load: () => ({ model: { path: 'm.onnx' }, sites: [] }), ...answers });
  const model = { path: 'm.onnx', options: { runtime: 'auto' } } as const;
  const worker = new ProbeWorker({ timeout: 1000, memory: 1e9 }, model, processes.spawn);
  return { worker, started: processes.started };
}

const prepared = async (answers: Answers<FuzzApi>, batch = 4) => {
  const probe = probing(answers);
  await probe.worker.prepare({ batch } as WorkerSetup);
  return probe;
};

/** Runs seeds, and dies of those whose value is negative. */
const runSeeds = ({ testcases }: { readonly testcases: readonly TestcaseData[] }) => {
  if (testcases.some(({ inputs }) => Number(inputs[0]?.[0]) < 0)) throw crash();
  return testcases.map((data) => ({ data, activations: Float32Array.of(1), predictedClass: 0 }));
};

test('a seed that ends the process is a violation, found by halving; the others are run', async () => {
  const { worker, started } = await prepared({ runSeeds });
  const seeds = [1, 2, -3, 4, 5, -6].map((value) => testcaseOf([value]));
  const results = await worker.runSeeds(seeds);
  expect(results.map(({ data }) => data.inputs[0]?.[0])).toEqual([1, 2, -3, 4, 5, -6]);
  expect(results.map(({ violation }) => violation?.signature)).toEqual([
    undefined,
    undefined,
    'crash-sigsegv',
    undefined,
    undefined,
    'crash-sigsegv',
  ]);
  expect(started.at(-1)?.methods().slice(0, 2)).toEqual(['load', 'prepare']);
});

test('seeds go with their labels, −1 where one has none', async () => {
  const { worker, started } = await prepared({ runSeeds });
  const [first, second] = [testcaseOf([1]), testcaseOf([2])];
  await worker.runSeeds([first, second], new Map([[second, 7]]));
  expect(started[0].calls.at(-1)?.parameters).toHaveProperty('labels', [-1, 7]);
});

test('calibration is tried with fewer mutants after each death, and given up in the end', async () => {
  const attempts: number[] = [];
  const { worker } = await prepared({
    calibrate: ({ plan }: { readonly plan: CalibrationPlan }) => {
      attempts.push(plan.mutants);
      throw crash();
    },
  });
  expect(await worker.calibrate([], 2048)).toBeUndefined();
  expect(attempts).toEqual([2048, 512, 128]);
});

test('a run of guessed sizes that ends the process is a failure of those sizes, and the process is replaced', async () => {
  const { worker, started } = probing({
    tryRun: ({ inputs }: TestcaseData) => {
      if (Number(inputs[0][0]) < 0) throw crash();
      return Number(inputs[0][0]) === 0 ? 'Pad: too short' : undefined;
    },
  });
  expect(await worker.tryRun(testcaseOf([0]))).toEqual({ message: 'Pad: too short', wasNotRun: false });
  expect((await worker.tryRun(testcaseOf([-1])))?.message).toMatch(/SIGSEGV/i);
  expect(started.at(-1)?.methods()).toEqual(['load']);
  expect(await worker.tryRun(testcaseOf([1]))).toBeUndefined();
});

test('runs of guessed sizes that end the process come to an end themselves', async () => {
  let runs = 0;
  const { worker } = probing({
    tryRun: () => {
      runs++;
      throw crash();
    },
  });
  const failures = [];
  for (let i = 0; i < 8; i++) failures.push(await worker.tryRun(testcaseOf([i])));
  expect(runs).toBe(4);
  expect(failures.map((failed) => failed?.wasNotRun)).toEqual([
    ...Array(4).fill(false),
    ...Array(4).fill(true),
  ]);
});

test('noise is not known where a run ends the process, which is replaced', async () => {
  const noise = { y: { reference: 0, copy: 1 } };
  const { worker, started } = probing({
    measureNoise: ({ hasMemory }: { readonly hasMemory: boolean }) => {
      if (!hasMemory) throw crash();
      return noise;
    },
  });
  const testcases = [testcaseOf([1])];
  expect(await worker.measureNoise({ testcases, hasMemory: true })).toEqual(noise);
  expect(await worker.measureNoise({ testcases, hasMemory: false })).toBeUndefined();
  expect(started.at(-1)?.methods()).toEqual(['load']);
});

test('a look at batches that ends the process tells nothing, and the process is replaced', async () => {
  const dependence = { side: 'reference', cause: 'place', operation: null } as const;
  const { worker, started } = probing({
    lookAtBatches: ({ canTrace }) => {
      if (canTrace) throw crash();
      return dependence;
    },
  });
  const testcases = [testcaseOf([1]), testcaseOf([2])];
  expect(await worker.lookAtBatches({ testcases, canTrace: true })).toBeUndefined();
  expect(started.at(-1)?.methods()).toEqual(['load']);
  expect(await worker.lookAtBatches({ testcases, canTrace: false })).toEqual(dependence);
});

test('a plug-in that hangs while it is loaded is named', async () => {
  const { worker } = probing({
    describeObjectives: () => {
      throw new ProcessDied('hang', 'SIGKILL', '');
    },
  });
  await expect(
    worker.describeObjectives(['nonfinite', './own.js'], [{ flag: '--measure', path: 'm.js' }]),
  ).rejects.toThrow('the plug-in m.js or ./own.js does not come to an end while it is loaded');
});

test('a model whose loading ends the process is refused by its path; of two, by the second', async () => {
  const { worker } = probing({
    load: () => {
      throw crash('SIGABRT');
    },
  });
  await expect(worker.load()).rejects.toThrow(/^m\.onnx: loading it ends the process .*SIGABRT/);
  const pair = probing({
    load: () => {
      throw crash();
    },
  });
  await expect(pair.worker.loadSecondModel({ path: 'copy.onnx', runtime: 'auto' })).rejects.toThrow(
    /^copy\.onnx: loading it/,
  );
});

test('its process joins the pool while it is alive', async () => {
  const { worker, started } = probing({});
  expect(worker.child).toBe(started[0]);
  worker.close();
  expect(worker.child).toBeUndefined();
});

test('goals are looked at without what sites compute where watching that ends the process', async () => {
  const goal = {
    site: 'pow',
    hazardTarget: { tensor: 'x', hazard: { kind: 'above', bound: 1, unit: 1 } },
    results: ['power'],
  } as const;
  const answer = ({ goals }: { readonly goals: readonly SearchGoal[] }) => {
    if (goals.some((asked) => goalTensors(asked).includes('power'))) throw crash();
    return goals;
  };
  const { worker, started } = await prepared({ observableGoals: answer });
  expect(await worker.observableGoals(testcaseOf([1]), [goal], [])).toEqual([{ ...goal, results: [] }]);
  expect(started.map((process) => process.methods())).toEqual([
    ['prepare', 'observableGoals'],
    ['load', 'observableGoals'],
  ]);
});
