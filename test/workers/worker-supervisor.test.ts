import { expect, test } from '@jest/globals';
import type { CorpusSource } from '../../src/fuzzer/executor.ts';
import { emptyResult } from '../../src/workers/lost-tasks.ts';
import type { FuzzApi } from '../../src/workers/services/fuzz-service.ts';
import type { TaskMessage, WorkerSetup } from '../../src/workers/worker-setup.ts';
import { WorkerSupervisor } from '../../src/workers/worker-supervisor.ts';
import { type Answers, crash, spawner } from '../support/process.ts';
import { testcaseOf } from '../support/tasks.ts';
import { numberedTask, seedEntryOf } from '../support/worker-tasks.ts';

const SETUP: WorkerSetup = {
  descriptors: [],
  varying: false,
  objectives: [],
  mutators: [],
  limits: {},
  lengthChanges: undefined,
  watched: [],
  goals: [],
  traces: false,
  criterion: 'norm',
  masterSeed: '1',
  batch: 8,
  keep: 5,
  labels: [],
  callLimit: 1000,
  warm: testcaseOf([0]),
};
const SHA = 'abc';
const OPTIONS = {
  child: { timeout: 1000, memory: 1e9 },
  model: { path: 'm.onnx', options: { runtime: 'auto' } },
} as const;

/** A corpus whose tasks need their parents alone. */
const SOURCE: CorpusSource = {
  width: 1,
  entryData: (entry) => seedEntryOf(entry),
  requiredEntries: ({ parents }) => [...parents],
  vectors: (from, to) => Float32Array.from({ length: to - from }, (_, i) => from + i),
};

function supervise(answers: Answers<FuzzApi> = {}) {
  const processes = spawner<FuzzApi>({
    load: () => ({ model: { sha256: SHA, path: 'm.onnx' }, sites: [] }),
    openIndex: () => 0,
    runTask: ({ task }: TaskMessage) => emptyResult(task),
    ...answers,
  });
  const supervisor = new WorkerSupervisor(OPTIONS, SETUP, SHA, 'sealed', undefined, processes.spawn);
  supervisor.setSource(SOURCE);
  const run = (number: number, parents: number[], indexSize = 0) =>
    supervisor.run(numberedTask(number, { parents, indexSize }), { from: 0, to: 8 });
  return { supervisor, started: processes.started, run };
}

test('a process loads the model and is prepared before its first task', async () => {
  const { started, run } = supervise();
  await run(0, [1]);
  expect(started.map((process) => process.methods())).toEqual([['load', 'prepare', 'runTask']]);
});

test('entries and vectors are sent once', async () => {
  const messages: TaskMessage[] = [];
  const { run } = supervise({
    runTask: (message) => {
      messages.push(message);
      return emptyResult(message.task);
    },
  });
  await run(0, [1, 2], 2);
  await run(1, [2, 3], 5);
  expect(messages.map(({ packedEntries }) => packedEntries.entries)).toEqual([[1, 2], [3]]);
  expect(messages.map(({ requiredEntries }) => requiredEntries)).toEqual([
    [1, 2],
    [2, 3],
  ]);
  expect(messages.map(({ vectors }) => [...vectors])).toEqual([
    [0, 1],
    [2, 3, 4],
  ]);
});

test('a replaced process gets everything again', async () => {
  const messages: TaskMessage[] = [];
  const { supervisor, started, run } = supervise({
    runTask: (message) => {
      messages.push(message);
      return emptyResult(message.task);
    },
  });
  await run(0, [1], 3);
  supervisor.replace();
  await run(1, [1], 3);
  expect(messages.map(({ packedEntries }) => packedEntries.entries)).toEqual([[1], [1]]);
  expect(messages.map(({ vectors }) => vectors.length)).toEqual([3, 3]);
  expect([supervisor.replacements, started.map(({ isAlive }) => isAlive)]).toEqual([1, [false, true]]);
});

test('a task with a smaller index than the process has is run by a new one', async () => {
  const { supervisor, run } = supervise();
  await run(5, [1], 4);
  await run(3, [1], 2);
  expect(supervisor.replacements).toBe(1);
});

test('an index beyond 2000 vectors is filled by calls of their own, from what is sealed on', async () => {
  const { started, run } = supervise({ openIndex: () => 500 });
  await run(0, [1], 5000);
  const grown = started[0].calls.filter(({ method }) => method === 'grow');
  expect(grown.map(({ parameters }) => (parameters as Float32Array)[0])).toEqual([500, 2500]);
  expect(started[0].calls.at(-1)?.parameters).toHaveProperty('vectors.length', 500);
});

test('a process that dies while it starts is tried three times', async () => {
  let attempts = 0;
  const { run } = supervise({
    load: () => {
      attempts++;
      throw crash();
    },
  });
  await expect(run(0, [1])).rejects.toThrow(
    /^worker processes die while they start .*SIGSEGV.*: raise --memory$/,
  );
  expect(attempts).toBe(3);
});

test('a process that something outside ends while it starts is started again, beside those three times', async () => {
  const deaths = [crash('SIGKILL'), crash(), crash('SIGTERM'), crash(), ...Array(4).fill(crash('SIGKILL'))];
  const { started, run } = supervise({
    prepare: () => {
      const death = deaths.shift();
      if (death !== undefined) throw death;
    },
  });
  await run(0, [1]);
  expect(started).toHaveLength(9);
});

test('a model that changed on disk ends the campaign', async () => {
  const { run } = supervise({ load: () => ({ model: { sha256: 'other', path: 'm.onnx' }, sites: [] }) });
  await expect(run(0, [1])).rejects.toThrow('m.onnx changed during the campaign');
});

test('a task fails with its process, which is not replaced unasked', async () => {
  const { supervisor, run } = supervise({
    runTask: () => {
      throw crash();
    },
  });
  await expect(run(0, [1])).rejects.toThrow('SIGSEGV');
  expect(supervisor.replacements).toBe(0);
});

test('the peak of memory is that of all its processes', () => {
  const { supervisor, started } = supervise();
  started[0].memory = { rss: 5, peak: 9 };
  supervisor.replace();
  started[1].memory = { rss: 3, peak: 4 };
  expect(supervisor.memory).toEqual({ rss: 3, peak: 9 });
});

test('a closed supervisor starts nothing more', () => {
  const { supervisor, started } = supervise();
  supervisor.close();
  supervisor.replace();
  expect(started.map(({ isAlive }) => isAlive)).toEqual([false]);
});
