import type { CorpusSource, Executor } from '../fuzzer/executor.ts';
import { isFuzzable, type SeedResult } from '../fuzzer/seed-runner.ts';
import type { FuzzerState } from '../fuzzer/state.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { LoadOptions, ModelInfo } from '../model/model.ts';
import type { WorkerSetup } from '../workers/worker-setup.ts';
import type { WorkerSupervisorOptions } from '../workers/worker-supervisor.ts';
import type { Monitor } from './monitor/monitor.ts';

/** A testcase with the activations that the model gives it on this machine. */
export interface ReferenceRun {
  readonly data: TestcaseData;
  readonly activations: Float32Array;
}

/** The parts that an executor on other machines is made from. */
export interface ExecutorContext {
  readonly setup: WorkerSetup;
  readonly model: ModelInfo;
  /** How the model is loaded, with the runtimes resolved. */
  readonly loading: WorkerSupervisorOptions['model'];
  readonly timeout: number;
  readonly corpusSource: CorpusSource & Pick<FuzzerState, 'corpus'>;
  /** Runs of some seeds: another machine must come to the same activations. */
  readonly referenceRuns: readonly ReferenceRun[];
  readonly monitor: Monitor;
}

/** Creates an executor that runs tasks on other machines. */
export interface ExecutorFactory {
  /** Whether machines may join whose floating-point results differ in the last digits. */
  readonly mixed: boolean;
  /** @throws UserError if a file that a worker needs can't travel; nothing was written yet */
  check(setup: WorkerSetup, loading: LoadOptions): Promise<void>;
  create(context: ExecutorContext): Promise<Executor>;
}

/** Seeds that another machine is compared on. */
export const MAX_REFERENCE_RUNS = 4;

/** Reference runs from the results of seeds. */
export function referenceRunsOf(seeds: readonly SeedResult[]): ReferenceRun[] {
  return seeds
    .filter(isFuzzable)
    .slice(0, MAX_REFERENCE_RUNS)
    .map(({ data, activations }) => ({ data, activations }));
}
