import { expect, test } from '@jest/globals';
import type { Span, Task, TaskResult } from '../../src/fuzzer/scheduling/task.ts';
import { emptyResult } from '../../src/workers/lost-tasks.ts';
import type { TaskWorker } from '../../src/workers/task-worker.ts';
import { WorkerPool } from '../../src/workers/worker-pool.ts';
import { crash } from '../support/process.ts';
import { testcaseOf } from '../support/tasks.ts';
import { numberedTask } from '../support/worker-tasks.ts';

/** A worker whose tasks are answered when the test says so. */
class ManualWorker implements TaskWorker {
  readonly pid: number;
  replacements = 0;
  readonly memory = { rss: 12_400_000, peak: 99_600_000 };
  isClosed = false;
  readonly running: { readonly task: Task; readonly answer: (error?: Error) => void }[] = [];

  constructor(pid: number) {
    this.pid = pid;
  }

  run(task: Task, _span: Span): Promise<TaskResult> {
    return new Promise((resolve, reject) => {
      const answer = (error?: Error): void => {
        this.running.splice(0, 1);
        if (error === undefined) resolve(emptyResult(task));
        else reject(error);
      };
      this.running.push({ task, answer });
    });
  }

  async makeMutant() {
    return { pick: 0, data: testcaseOf([0]) };
  }

  async tryTestcase(): Promise<void> {}

  replace(): void {
    this.replacements++;
  }

  close(): void {
    this.isClosed = true;
  }

  tasks(): number[] {
    return this.running.map(({ task }) => task.number);
  }
}

const settled = () => new Promise((done) => setImmediate(done));

test('each worker has two tasks at most, and those with least to do get the next', async () => {
  const workers = [new ManualWorker(1), new ManualWorker(2)];
  const pool = new WorkerPool(workers, () => {});
  const results = [0, 1, 2, 3, 4].map((number) => pool.submit(numberedTask(number)));
  expect(workers.map((worker) => worker.tasks())).toEqual([
    [0, 2],
    [1, 3],
  ]);
  workers[1].running[0].answer();
  expect((await results[1]).task).toBe(1);
  await settled();
  expect(workers.map((worker) => worker.tasks())).toEqual([
    [0, 2],
    [3, 4],
  ]);
});

test('statistics say what a worker does and has done', async () => {
  const worker = new ManualWorker(7);
  const pool = new WorkerPool([worker], () => {});
  const states = () => pool.workers.map(({ state }) => state);
  expect(states()).toEqual(['idle']);
  const first = pool.submit(numberedTask(0, { mutants: 100 }));
  expect(states()).toEqual(['starting']);
  worker.running[0].answer();
  await first;
  const second = pool.submit(numberedTask(1));
  expect(states()).toEqual(['busy']);
  worker.running[0].answer();
  await second;
  expect(pool.workers).toEqual([
    { pid: 7, state: 'idle', tasks: 2, execs: 108, replaced: 0, memoryMB: 12, peakMemoryMB: 100 },
  ]);
});

test('a task whose process dies runs again alone, while others wait', async () => {
  const worker = new ManualWorker(1);
  const deaths: number[] = [];
  const pool = new WorkerPool([worker], (_, task) => deaths.push(task.number));
  const first = pool.submit(numberedTask(0));
  worker.running[0].answer(crash());
  await settled();
  const second = pool.submit(numberedTask(1));
  expect(pool.workers[0].state).toBe('isolating');
  expect(worker.tasks()).toEqual([0]);
  worker.running[0].answer();
  expect((await first).hits.map(({ violation }) => violation.signature)).toEqual(['crash-sigsegv-once']);
  await settled();
  expect([worker.tasks(), deaths]).toEqual([[1], [0]]);
  worker.running[0].answer();
  await second;
});

test('an error that is no death is the task’s own', async () => {
  const worker = new ManualWorker(1);
  const pool = new WorkerPool([worker], () => {});
  const result = pool.submit(numberedTask(0));
  worker.running[0].answer(new Error('the model is gone'));
  await expect(result).rejects.toThrow('the model is gone');
});

test('closing ends every worker, and what dies with them is not run again', async () => {
  const workers = [new ManualWorker(1), new ManualWorker(2)];
  const pool = new WorkerPool(workers, () => {});
  const result = pool.submit(numberedTask(0));
  pool.close();
  workers[0].running[0].answer(crash());
  await expect(result).rejects.toThrow('SIGSEGV');
  expect(workers.map(({ isClosed }) => isClosed)).toEqual([true, true]);
});
