import { describe, expect, test } from '@jest/globals';
import { MachineError } from '../../src/core/errors.ts';
import type { CalibrationPlan } from '../../src/fuzzer/calibration.ts';
import { goalTensors, type SearchGoal } from '../../src/fuzzer/search/search-goal.ts';
import type { TestcaseData } from '../../src/inputs/testcase.ts';
import { ProcessDied } from '../../src/workers/lifetime/process-died.ts';
import { ProbeWorker } from '../../src/workers/probe-worker.ts';
import type { FuzzApi } from '../../src/workers/services/fuzz-service.ts';
import type { WorkerSetup } from '../../src/workers/worker-setup.ts';
import { type Answers, crash, spawner } from '../support/process.ts';
import { testcaseOf } from '../support/tasks.ts';

function probing(answers: Answers<FuzzApi>, onOutsideDeath: (step: string) => void = () => {}) {
  const processes = spawner<FuzzApi>({ load: () => ({ model: { path: 'm.onnx' }, sites: [] }), ...answers });
  const model = { path: 'm.onnx', options: { runtime: 'auto' } } as const;
  const worker = new ProbeWorker({ timeout: 1000, memory: 1e9 }, model, processes.spawn, (_, step) =>
    onOutsideDeath(step),
  );
  return { worker, started: processes.started };
}

const prepared = async (answers: Answers<FuzzApi>, batch = 4) => {
  const probe = probing(answers);
  await probe.worker.load();
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
  // Each twice: the first death may be chance.
  expect(attempts).toEqual([2048, 2048, 512, 512, 128, 128]);
});

test('a run of guessed sizes that ends the process is a failure of those sizes, and the process is replaced', async () => {
  const { worker, started } = probing({
    tryRun: ({ inputs }: TestcaseData) => {
      if (Number(inputs[0][0]) < 0) throw crash();
      return Number(inputs[0][0]) === 0 ? 'Pad: too short' : undefined;
    },
  });
  expect(await worker.tryRun(testcaseOf([0]))).toEqual({ message: 'Pad: too short', wasNotRun: false });
  await worker.load();
  expect((await worker.tryRun(testcaseOf([-1])))?.message).toMatch(/SIGSEGV/i);
  expect(await worker.tryRun(testcaseOf([1]))).toBeUndefined();
  expect(started.at(-1)?.methods()).toEqual(['load', 'tryRun']);
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
  expect(runs).toBe(2 * 4);
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
  await worker.load();
  expect(await worker.measureNoise({ testcases, hasMemory: false })).toBeUndefined();
  expect(await worker.measureNoise({ testcases, hasMemory: true })).toEqual(noise);
  expect(started.at(-1)?.methods()).toEqual(['load', 'measureNoise']);
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
  await worker.load();
  expect(await worker.lookAtBatches({ testcases, canTrace: true })).toBeUndefined();
  expect(await worker.lookAtBatches({ testcases, canTrace: false })).toEqual(dependence);
  expect(started.at(-1)?.methods()).toEqual(['load', 'lookAtBatches']);
});

test('a plug-in that hangs while it is loaded is named', async () => {
  const { worker } = probing({
    describeObjectives: () => {
      throw new ProcessDied('hang', 'SIGKILL', '');
    },
  });
  await expect(
    worker.describeObjectives(['nonfinite', './own.js'], [{ flag: '--measure', path: 'm.js' }]),
  ).rejects.toThrow('the plug-in m.js or ./own.js does not finish while it is loaded');
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
    ['load', 'prepare', 'observableGoals'],
    ['load', 'prepare', 'observableGoals'],
    ['load', 'prepare', 'observableGoals'],
  ]);
});

describe('a process that something outside ends', () => {
  const description = { model: { path: 'm.onnx' }, sites: [] };
  const testcases = [testcaseOf([1]), testcaseOf([2])];
  /** Each step of a campaign's start with its method, and its answer where nothing ends the process. */
  const steps: readonly [keyof FuzzApi, unknown, (worker: ProbeWorker) => Promise<unknown>][] = [
    ['describeObjectives', ['nonfinite'], (worker) => worker.describeObjectives(['nonfinite'], [])],
    ['load', description, (worker) => worker.load()],
    ['openBatch', { description, isExact: true }, (worker) => worker.openBatch(testcases)],
    ['lookAtBatches', 'dependence', (worker) => worker.lookAtBatches({ testcases, canTrace: false })],
    ['measureNoise', 'noise', (worker) => worker.measureNoise({ testcases, hasMemory: false })],
    ['deriveQuantizedModel', 'files', (worker) => worker.deriveQuantizedModel('float16', [])],
    ['tryRun', 'Pad: too short', (worker) => worker.tryRun(testcases[0]).then((failed) => failed?.message)],
    ['probe', 'probed', (worker) => worker.probe(testcases[0], [])],
    ['reachableSites', [], (worker) => worker.reachableSites(new Map(), { inputs: [] } as never)],
    ['observableGoals', [], (worker) => worker.observableGoals(testcases[0], [], [])],
    ['prepare', 'prepared', (worker) => worker.prepare({ batch: 4 } as WorkerSetup)],
    ['calibrate', 'calibrated', (worker) => worker.calibrate([], 64)],
    [
      'runSeeds',
      [
        { activations: 1, data: testcases[0] },
        { activations: 2, data: testcases[1] },
      ],
      (worker) => worker.runSeeds(testcases),
    ],
  ];

  test.each(steps)(
    'in %s is replaced, brought to where it was, and does the same again',
    async (method, answer, run) => {
      let kills = 0;
      let calls = 0;
      const answers = {
        load: () => description,
        prepare: () => 'prepared',
        [method]: () => {
          calls++;
          if (kills-- > 0) throw crash('SIGKILL');
          return method === 'runSeeds' ? [{ activations: 1 }, { activations: 2 }] : answer;
        },
      };
      const warnings: string[] = [];
      const { worker, started } = probing(answers, (step) => warnings.push(step));
      if (method !== 'describeObjectives') {
        await worker.load();
        if (method !== 'prepare') await worker.prepare({ batch: 4 } as WorkerSetup);
      }
      calls = 0;
      kills = 3;
      expect(await run(worker)).toEqual(answer);
      expect(calls).toBe(4);
      expect(warnings).toEqual(Array(3).fill(method));
      const asked = started
        .flatMap((process) => process.calls.filter((call) => call.method === method))
        .slice(-4);
      expect(new Set(asked.map(({ parameters }) => JSON.stringify(parameters))).size).toBe(1);
      if (method !== 'describeObjectives' && method !== 'load')
        expect(started.at(-1)?.methods()).toEqual([...new Set(['load', 'prepare', method])]);
    },
  );

  test('again and again ends with one line that names the signal, and no model or plug-in', async () => {
    const killed = (): never => {
      throw crash('SIGTERM');
    };
    const { worker } = probing({ describeObjectives: killed, load: killed });
    const message =
      /^worker processes were ended by SIGTERM from outside, 10 in a row, the last with process id 1 in the step/;
    await expect(worker.describeObjectives(['./own.js'], [])).rejects.toThrow(message);
    await expect(worker.load()).rejects.toBeInstanceOf(MachineError);
  });
});
