import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Span, Task, TaskResult } from '../../src/fuzzer/scheduling/task.ts';
import type { TestcaseData } from '../../src/inputs/testcase.ts';
import { ProcessDied } from '../../src/workers/lifetime/process-died.ts';
import { emptyResult } from '../../src/workers/lost-tasks.ts';
import { TaskIsolation } from '../../src/workers/task-isolation.ts';
import type { TaskWorker } from '../../src/workers/task-worker.ts';
import { crash } from '../support/process.ts';
import { testcaseOf } from '../support/tasks.ts';
import { numberedTask } from '../support/worker-tasks.ts';

/** A worker whose process is ended by the spans that `dies` names. */
class FakeWorker implements TaskWorker {
  readonly pid = 1;
  replacements = 0;
  readonly memory = { rss: 0, peak: 0 };
  readonly spans: Span[] = [];
  readonly #dies: (span: Span, task: Task) => boolean | ProcessDied;
  #isDead = false;

  constructor(dies: (span: Span, task: Task) => boolean | ProcessDied) {
    this.#dies = dies;
  }

  async run(task: Task, span: Span): Promise<TaskResult> {
    if (this.#isDead) throw crash();
    this.spans.push(span);
    const death = this.#dies(span, task);
    if (death !== false) {
      this.#isDead = true;
      throw death === true ? crash() : death;
    }
    return { ...emptyResult(task), counts: [{ signature: 'nonfinite', hits: span.to - span.from }] };
  }

  async makeMutant({ goal }: Task, mutantIndex: number) {
    if (goal?.ascends === true) this.#endIf('gradient', mutantIndex);
    return { pick: 0, data: testcaseOf([mutantIndex]) };
  }

  async tryTestcase({ inputs: [[mutantIndex]] }: TestcaseData): Promise<void> {
    this.#endIf('alone', Number(mutantIndex));
  }

  /** Whether a gradient, or a testcase that runs alone, ends the process. */
  deadly: (what: 'gradient' | 'alone', mutantIndex: number) => boolean = () => false;

  #endIf(what: 'gradient' | 'alone', mutantIndex: number): void {
    if (this.#isDead) throw crash();
    if (!this.deadly(what, mutantIndex)) return;
    this.#isDead = true;
    throw crash();
  }

  replace(): void {
    this.replacements++;
    this.#isDead = false;
  }

  close(): void {}

  /** As a process that died while another task ran. */
  die(): void {
    this.#isDead = true;
  }
}

const isolationOf = (worker: FakeWorker) => new TaskIsolation(worker, () => false);

describe('a task whose process dies again', () => {
  test('is lost from the mutant on that ends it, whichever that is', async () => {
    const anyCase = fc
      .integer({ min: 1, max: 40 })
      .chain((mutants) => fc.record({ mutants: fc.constant(mutants), deadly: fc.nat(mutants - 1) }));
    await fc.assert(
      fc.asyncProperty(anyCase, async ({ mutants, deadly }) => {
        const worker = new FakeWorker(({ from, to }) => from <= deadly && deadly < to);
        const result = await isolationOf(worker).isolate(numberedTask(1, { mutants }), crash());
        expect(result.hits.map(({ execs, violation }) => [execs, violation.signature])).toEqual([
          [mutants + deadly + 1, 'crash-sigsegv'],
        ]);
        expect(result.hits[0].data.inputs[0][0]).toBe(deadly);
        expect(result.lost).toBe(mutants - deadly - 1);
        const passed = result.counts.find(({ signature }) => signature === 'nonfinite')?.hits ?? 0;
        expect(passed).toBe(deadly);
      }),
    );
  });

  test('is lost whole where enough of its signature is kept, without looking for the mutant', async () => {
    const worker = new FakeWorker(() => true);
    worker.die();
    const task = numberedTask(1, { mutants: 16, saturatedSignatures: ['crash-sigsegv'] });
    const result = await isolationOf(worker).isolate(task, crash());
    expect([result.lost, result.hits.length, worker.spans.length]).toEqual([16, 0, 1]);
  });

  test('is a hit of the last death where no mutant ends the process alone', async () => {
    const worker = new FakeWorker(({ from, to }) => to - from > 2);
    const result = await isolationOf(worker).isolate(numberedTask(0, { mutants: 8 }), crash());
    expect(result.hits).toHaveLength(1);
    expect(result.counts.at(-1)).toEqual({ signature: 'crash-sigsegv', hits: 1 });
  });
});

describe('a task that steps along gradients and keeps on ending its process', () => {
  /** Steps of 8 mutants. */
  const task: Task = numberedTask(1, {
    mutants: 40,
    picksPerStep: 1,
    saturatedSignatures: ['crash-sigsegv'],
    goal: { goalIndex: 0, subgoals: [], slots: [], marginsToBeat: [], best: [], ascends: true },
  });
  const signatures = ({ counts }: TaskResult) =>
    counts.map(({ signature }) => signature).filter((signature) => signature !== 'nonfinite');

  test.each([0, 16, 32])('runs without its gradient where that of mutant %d ends it', async (first) => {
    const worker = new FakeWorker(({ to }, { goal }) => goal?.ascends === true && to > first);
    worker.deadly = (what, mutantIndex) => what === 'gradient' && mutantIndex >= first;
    const result = await isolationOf(worker).isolate(task, crash());
    expect([result.hits, result.lost, signatures(result)]).toEqual([[], 0, []]);
    expect(result.counts).toEqual([{ signature: 'nonfinite', hits: 40 }]);
    expect(result.progress?.ascent).toMatchObject({
      refusal: 'computing a gradient makes the worker crash with SIGSEGV',
      isDeadly: true,
    });
  });

  test('blames no mutant that passes alone: what gradients hold was missing', async () => {
    const worker = new FakeWorker(({ to }, { goal }) => goal?.ascends === true && to > 19);
    const result = await isolationOf(worker).isolate(task, crash());
    expect([result.hits, result.lost, result.progress?.ascent?.isDeadly]).toEqual([[], 0, true]);
  });

  test('is a hit of the mutant that ends the process alone', async () => {
    const worker = new FakeWorker(({ from, to }) => from <= 19 && 19 < to);
    worker.deadly = (what, mutantIndex) => what === 'alone' && mutantIndex === 19;
    const result = await isolationOf(worker).isolate(task, crash());
    expect(result.hits.map(({ data, execs }) => [data.inputs[0][0], execs])).toEqual([[19, 60]]);
    expect([result.lost, signatures(result), result.progress]).toEqual([20, ['crash-sigsegv'], undefined]);
  });

  test('blames a mutant that ends the process without the gradient as well', async () => {
    const worker = new FakeWorker(({ from, to }, { goal }) =>
      goal?.ascends === true ? true : from <= 7 && 7 < to,
    );
    worker.deadly = (what) => what === 'gradient';
    const result = await isolationOf(worker).isolate({ ...task, saturatedSignatures: [] }, crash());
    expect(result.hits.map(({ data }) => data.inputs[0][0])).toEqual([7]);
    expect(result.progress?.ascent?.isDeadly).toBe(true);
  });

  test('records a crash that does not repeat without the gradient', async () => {
    const worker = new FakeWorker(() => false);
    worker.deadly = (what) => what === 'gradient';
    const result = await isolationOf(worker).isolate(task, crash());
    expect(result.hits.map(({ violation }) => violation.signature)).toEqual(['crash-sigsegv-once']);
  });
});

describe('a task that passes when it runs again', () => {
  test('records the crash, once for all tasks that it took with it', async () => {
    const isolation = isolationOf(new FakeWorker(() => false));
    const death = crash();
    const first = await isolation.isolate(numberedTask(1), death);
    const second = await isolation.isolate(numberedTask(2), death);
    expect(first.hits.map(({ violation }) => violation.signature)).toEqual(['crash-sigsegv-once']);
    expect(second.hits).toEqual([]);
    expect((await isolation.isolate(numberedTask(3), crash())).hits).toHaveLength(1);
  });

  test.each(['hang', 'memory'] as const)('records no %s: another process may be to blame', async (kind) => {
    const isolation = isolationOf(new FakeWorker(() => false));
    const result = await isolation.isolate(numberedTask(1), new ProcessDied(kind, 'SIGKILL', ''));
    expect(result.hits).toEqual([]);
  });

  test('gets another process where its own is dead', async () => {
    const worker = new FakeWorker(() => false);
    worker.die();
    await isolationOf(worker).isolate(numberedTask(1), new ProcessDied('hang', 'SIGKILL', ''));
    expect([worker.replacements, worker.spans.length]).toEqual([1, 1]);
  });
});

describe('a task whose processes something outside ends', () => {
  const killed = () => crash('SIGKILL');
  const task = numberedTask(1, { mutants: 16 });
  const undisturbed = async (dies: (span: Span) => boolean) => {
    const worker = new FakeWorker(dies);
    return worker.run(task, { from: 0, to: 16 }).catch((death) => isolationOf(worker).isolate(task, death));
  };

  test.each([
    ['that passes', () => false],
    ['that the model ends', ({ from, to }: Span) => from <= 5 && 5 < to],
  ])('%s comes to what it comes to without', async (_, dies) => {
    for (const chance of [2, 3, 5]) {
      let runs = 0;
      const worker = new FakeWorker((span) => (++runs % chance === 0 ? killed() : dies(span)));
      expect(await isolationOf(worker).isolate(task, killed())).toEqual(await undisturbed(dies));
    }
  });

  test('each time is lost to want of memory, which guards watch over', async () => {
    const worker = new FakeWorker(() => killed());
    const result = await isolationOf(worker).isolate(task, killed());
    expect(result.hits.map(({ violation }) => violation.signature)).toEqual(['memory']);
  });
});

test('a death while the pool closes is no finding', async () => {
  const isolation = new TaskIsolation(new FakeWorker(() => true), () => true);
  await expect(isolation.isolate(numberedTask(1), crash())).rejects.toThrow(ProcessDied);
});
