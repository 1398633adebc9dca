import { RunTimeTracker } from '../evaluation/run-time-tracker.ts';
import { watchedTensors } from '../evaluation/watched-tensors.ts';
import type { BatchedModel, BatchResult } from '../model/batched-model.ts';
import type { JudgedBatch, Objective } from '../objectives/objective.ts';
import type { MutantGenerator } from './generation/mutant-generator.ts';
import type { MutantSlice } from './task-execution.ts';

export interface BatchRunnerOptions {
  readonly model: BatchedModel;
  readonly objectives: readonly Objective[];
  /** Tensors that coverage watches. */
  readonly watched: readonly string[];
}

/** A run of the model on mutants. */
export interface MutantRun {
  /** As coverage and objectives see it. */
  readonly result: BatchResult;
  /** With the tensors of the task's goal as well. */
  readonly whole: BatchResult;
  /** Undefined where no objective is timed, or several rows ran. */
  readonly time: JudgedBatch['time'];
}

/** A run is timed a second time where it takes this many times the usual time. */
const RETIME_FACTOR = 1.5;

/** Runs the model on mutants and measures how long that takes. */
export class BatchRunner {
  readonly #options: BatchRunnerOptions;
  readonly #generator: MutantGenerator;
  /** Tensors that every run watches: coverage's first, then what objectives read. */
  readonly #watched: readonly string[];
  readonly #stopwatch: RunTimeTracker | undefined;

  constructor(options: BatchRunnerOptions, generator: MutantGenerator) {
    const { watched, objectives, model } = options;
    this.#options = options;
    this.#generator = generator;
    this.#watched = watchedTensors(watched, objectives, model.model);
    this.#stopwatch = objectives.some(({ timed }) => timed === true) ? new RunTimeTracker() : undefined;
  }

  /**
   * @param goalTensors tensors that only the task's goal needs
   * @throws Error where the runtime fails the run
   */
  async run(slice: MutantSlice, goalTensors: readonly string[] = []): Promise<MutantRun> {
    const tensors =
      goalTensors.length === 0 ? this.#watched : [...new Set([...this.#watched, ...goalTensors])];
    const start = performance.now();
    const whole = await this.#runModel(slice, tensors);
    const seconds = (performance.now() - start) / 1000;
    // Coverage and objectives must see the same in tasks with a goal as in those without.
    const result = { ...whole, activations: whole.activations.slice(0, this.#watched.length) };
    return { whole, result, time: await this.#timeOf(slice, tensors, seconds) };
  }

  /** Only feeds the prompts to the model: see `BatchedModel.prefill`. */
  prefill(slice: MutantSlice): Promise<BatchResult> {
    const { form, from, to } = slice;
    const { model, watched } = this.#options;
    return model.prefill(this.#generator.rows(form, from, to), to - from, watched);
  }

  #runModel({ form, from, to }: MutantSlice, tensors: readonly string[]): Promise<BatchResult> {
    return this.#options.model.run(this.#generator.rows(form, from, to), to - from, tensors);
  }

  async #timeOf(
    slice: MutantSlice,
    tensors: readonly string[],
    firstSeconds: number,
  ): Promise<JudgedBatch['time']> {
    if (this.#stopwatch === undefined || slice.to - slice.from > 1) return undefined;
    const { key } = slice.form;
    const usual = this.#stopwatch.usualSeconds(key);
    let took = firstSeconds;
    if (took > RETIME_FACTOR * usual) {
      // Either the machine was busy or the testcase is slow: a second run shows which.
      const start = performance.now();
      await this.#runModel(slice, tensors);
      took = Math.min(took, (performance.now() - start) / 1000);
    }
    this.#stopwatch.record(key, took);
    return { took, usual };
  }
}
