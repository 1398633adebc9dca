import type { CoverageCriterion } from '../coverage/criterion.ts';
import type { NoveltyFilter, NoveltyHistory } from '../coverage/feedback/feedback-kind.ts';
import type { Plausibility } from '../evaluation/plausibility.ts';
import { runInHalves } from '../evaluation/run-in-halves.ts';
import { watchedTensors } from '../evaluation/watched-tensors.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { BatchResult } from '../model/batched-model.ts';
import { BatchJudge, type BatchJudgeOptions } from './batch-judge.ts';
import { BatchRunner, type BatchRunnerOptions } from './batch-runner.ts';
import { CandidateCollector } from './candidate-collector.ts';
import { LatentSource, type LatentSpace } from './generation/latent-source.ts';
import {
  MutantGenerator,
  type MutantGeneratorOptions,
  type TaskStep,
  wholeTask,
} from './generation/mutant-generator.ts';
import type { ParentSource } from './generation/parent-source.ts';
import { HitCollector } from './hit-collector.ts';
import { LazyObservations } from './lazy-observations.ts';
import { NeighbourCounter } from './neighbour-counter.ts';
import { packTestcases } from './packed-testcases.ts';
import type { Candidates, Span, Task, TaskResult } from './scheduling/task.ts';
import { MUTANTS_PER_PICK } from './scheduling/task-sizes.ts';
import { AscentSource } from './search/ascent/ascent-source.ts';
import { GoalTracker } from './search/goal-tracker.ts';
import { ProgressRecorder } from './search/progress-recorder.ts';
import type { SearchGoal } from './search/search-goal.ts';
import { Trajectories } from './search/trajectories.ts';
import { SeedHitCollector } from './seeds/seed-hits.ts';
import type { MutantSlice, TaskExecution } from './task-execution.ts';

/** Parts of a task runner; two runners with equal parts give equal results. */
export interface TaskRunnerOptions extends MutantGeneratorOptions, BatchRunnerOptions, BatchJudgeOptions {
  /** Goals that tasks name by their index. */
  readonly goals: readonly SearchGoal[];
  /** Whether testcases differ in shape. */
  readonly varying: boolean;
  readonly criterion: CoverageCriterion;
  /** Hits of one signature that a task sends back with their data. */
  readonly keep: number;
  /** Tells plausible mutants from others, which count for nothing; absent where all are. */
  readonly plausibility?: Pick<Plausibility, 'areRowsPlausible'>;
  /** Whether it is the first hit of each seed in place of these; false by default. */
  readonly keepsHitOfEachSeed?: boolean;
  /** The latent space that mutators move in; absent where there is none. */
  readonly latentSpace?: LatentSpace | undefined;
}

/** The campaign as a task sees it. */
export interface CorpusView extends ParentSource {
  /** Undefined without guidance: no mutant is new then. */
  readonly history: Pick<NoveltyHistory, 'filter'> | undefined;
}

interface TokenCounts {
  readonly generated: number;
  readonly read: number;
}

/** Violating rows of a lookahead run: none, since no objective judges it. */
const NO_ROWS: ReadonlySet<number> = new Set();

/** Carries out tasks: mutates, runs the model, has objectives judge, and keeps mutants that are new or nearer to the goal. */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #generator: MutantGenerator;
  readonly #runner: BatchRunner;
  readonly #judge: BatchJudge;
  readonly #collector: CandidateCollector;
  readonly #progress: ProgressRecorder;
  readonly #ascents: AscentSource;
  /** Undefined where no mutator moves latent vectors. */
  readonly #latents: LatentSource | undefined;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
    this.#generator = new MutantGenerator(options);
    this.#runner = new BatchRunner(options, this.#generator);
    this.#judge = new BatchJudge(options, this.#generator);
    this.#collector = new CandidateCollector(this.#generator);
    this.#progress = new ProgressRecorder(options.model, this.#generator, this.#collector);
    const { model, objectives, watched, latentSpace } = options;
    const latents = latentSpace && new LatentSource({ ...options, space: latentSpace });
    this.#latents = latents?.isNeeded === true ? latents : undefined;
    this.#ascents = new AscentSource({
      ...options,
      watched: watchedTensors(watched, objectives, model.model),
    });
  }

  /**
   * Runs a task. Its random numbers depend on (master seed, task number) alone. A batch that the runtime fails is halved
   * until the testcases that fail stand alone: those are hits, and the others count as usual.
   *
   * @param span the mutants to run; all are made, so that each is the same whatever the span
   * @param heartbeat called between runs of the model
   * @param onStep called with each step before its mutants are made, and with the one after the span
   */
  async run(
    task: Task,
    view: CorpusView,
    span: Span = { from: 0, to: task.mutants },
    heartbeat: () => void = () => {},
    onStep?: (step: TaskStep) => void,
  ): Promise<TaskResult> {
    const execution = this.#begin(task, view);
    const filter = view.history?.filter(task.threshold);
    const tokensBefore = this.#tokens;
    // The mutants of a step depend on the steps before it, which therefore run again.
    const start = task.picksPerStep === undefined ? span.from : 0;
    const countSeconds = (seconds: number): void => {
      execution.seconds.mutate += seconds;
    };
    for (const plannedStep of execution.trajectories.steps()) {
      const isBehind = plannedStep.from * MUTANTS_PER_PICK >= span.to;
      // So that a part of a task ends before the gradient of the next step, which may end the process.
      if (isBehind && onStep === undefined) break;
      const step = await this.#withMoves(execution, await this.#withSlopes(execution, plannedStep));
      onStep?.(step);
      if (isBehind) break;
      heartbeat();
      const isLookahead = task.lookahead === true && step.to < task.parents.length;
      for (const { form, first, rows } of this.#generator.batches(task, view, countSeconds, step)) {
        execution.seedHits?.beginBatch(rows, (row) => this.#generator.pickOf(row));
        const slice = { form, first, from: Math.max(start - first, 0), to: Math.min(span.to - first, rows) };
        if (slice.to > slice.from) {
          if (isLookahead) await this.#lookAhead(execution, slice);
          else await this.#runSlice(execution, slice, filter);
        }
        if (first + rows >= span.to) break;
        heartbeat();
      }
    }
    const { generated, read } = this.#tokens;
    return this.#resultOf(execution, {
      generated: generated - tokensBefore.generated,
      read: read - tokensBefore.read,
    });
  }

  /**
   * Makes one of a task's mutants without running it, nor any other one of its step.
   *
   * @param mutantIndex its number in the task
   */
  async makeMutant(
    task: Task,
    view: CorpusView,
    mutantIndex: number,
  ): Promise<{ readonly pick: number; readonly data: TestcaseData }> {
    if (task.picksPerStep === undefined) {
      const execution = this.#begin(task, view);
      const step = await this.#withMoves(execution, await this.#withSlopes(execution, wholeTask(task)));
      return this.#makeMutantOf(step, task, view, mutantIndex);
    }
    const mutantsPerStep = task.picksPerStep * MUTANTS_PER_PICK;
    const stepIndex = Math.floor(mutantIndex / mutantsPerStep);
    const steps: TaskStep[] = [];
    await this.run(
      task,
      view,
      { from: 0, to: stepIndex * mutantsPerStep },
      () => {},
      (step) => steps.push(step),
    );
    return this.#makeMutantOf(steps[stepIndex], task, view, mutantIndex);
  }

  #makeMutantOf(
    step: TaskStep,
    task: Task,
    view: CorpusView,
    mutantIndex: number,
  ): { readonly pick: number; readonly data: TestcaseData } {
    for (const { form, first, rows } of this.#generator.batches(task, view, () => {}, step)) {
      const row = mutantIndex - first;
      if (row < rows)
        return { pick: this.#generator.pickOf(row), data: this.#generator.copy(form, row, row + 1) };
    }
    throw new RangeError(`task ${task.number} has no mutant ${mutantIndex}`);
  }

  /** Tokens that a generating model has generated or scored so far, and those that it has read. */
  get #tokens(): TokenCounts {
    const { textGeneration } = this.#options.model.model.capabilities;
    return { generated: textGeneration?.generatedTokens ?? 0, read: textGeneration?.readTokens ?? 0 };
  }

  /** A step with the slopes at the testcases that it mutates, where its task steps along gradients. */
  async #withSlopes(execution: TaskExecution, step: TaskStep): Promise<TaskStep> {
    const { task, seconds, ascent } = execution;
    if (task.goal?.ascends !== true) return step;
    const before = seconds.model;
    const { slopes, forwards, gradients, runs, gradientSeconds, refusal } = await timed(
      seconds,
      'model',
      () => this.#ascents.slopesFor(execution, step),
    );
    ascent.forwards += forwards;
    ascent.gradients += gradients;
    ascent.runs += runs;
    ascent.gradientSeconds += gradientSeconds;
    ascent.seconds += seconds.model - before;
    if (refusal !== undefined) ascent.refusal ??= refusal;
    return { ...step, slopes };
  }

  /** A step with the moves of latent vectors, where one of its mutators makes any. */
  async #withMoves(execution: TaskExecution, step: TaskStep): Promise<TaskStep> {
    const source = this.#latents;
    if (source === undefined) return step;
    const { task, view, trajectories } = execution;
    const stale = task.goal?.stale;
    const latents = await timed(execution.seconds, 'mutate', () =>
      source.movesFor(task, step, view, (pick) => (stale?.[pick] ?? 0) + trajectories.failuresOf(pick)),
    );
    return { ...step, latents };
  }

  #begin(task: Task, view: CorpusView): TaskExecution {
    const { goals, objectives, varying, keep, keepsHitOfEachSeed } = this.#options;
    const goalTracker =
      task.goal === undefined
        ? undefined
        : new GoalTracker(task.goal, goals, objectives, varying, task.picksPerStep);
    const disabled = new Set(task.disabledObjectives);
    return {
      task,
      view,
      seconds: { mutate: 0, model: 0, objectives: 0, coverage: 0 },
      hitCollector: new HitCollector(task, keep, keepsHitOfEachSeed),
      // Mutants of another size are measured from no seed.
      seedHits:
        task.sizeChange === undefined && objectives.some(({ breaksSeed }) => breaksSeed !== undefined)
          ? new SeedHitCollector(task, view)
          : undefined,
      goalTracker,
      trajectories: new Trajectories(task, (entry) => view.entryData(entry), goalTracker),
      traced: new Map(),
      neighbours: task.countsNeighbours === true ? new NeighbourCounter() : undefined,
      candidates: [],
      ascent: { forwards: 0, gradients: 0, runs: 0, gradientSeconds: 0, seconds: 0 },
      objectives: new Set(objectives.filter(({ name }) => !disabled.has(name))),
      disabledObjectives: [],
    };
  }

  async #runSlice(
    execution: TaskExecution,
    slice: MutantSlice,
    filter: NoveltyFilter | undefined,
  ): Promise<void> {
    const { seconds, goalTracker } = execution;
    const { plausibility } = this.#options;
    if (plausibility !== undefined)
      await timed(seconds, 'model', () => this.#excludeImplausible(plausibility, slice));
    const run = (from: number, to: number) =>
      timed(seconds, 'model', () => this.#runner.run({ ...slice, from, to }, goalTracker?.tensors));
    for await (const outcome of runInHalves(slice.from, slice.to, run)) {
      const part = { ...slice, from: outcome.from, to: outcome.to };
      if ('error' in outcome) {
        await this.#judge.recordFailedRun(execution, part, outcome.error);
        continue;
      }
      const { result, whole } = outcome.result;
      const { violatingRows, slices } = await timed(seconds, 'objectives', () =>
        this.#judge.judge(execution, part, outcome.result),
      );
      const observations = this.#observationsOf(result);
      await timed(seconds, 'coverage', async () => {
        if (filter !== undefined)
          this.#collector.collectNew(execution, filter, part, result, observations, violatingRows);
        if (goalTracker === undefined) return;
        const { objective } = goalTracker;
        const batches = objective === undefined ? [{ batch: whole, firstRow: 0 }] : slices.get(objective);
        const goalRun = { slice: part, batches: batches ?? [], observations, violatingRows };
        await this.#recordProgress(execution, goalTracker, goalRun);
      });
    }
  }

  /** Takes the mutants out that are not plausible. */
  async #excludeImplausible(
    plausibility: Pick<Plausibility, 'areRowsPlausible'>,
    { form, from, to }: MutantSlice,
  ): Promise<void> {
    const rows = await plausibility.areRowsPlausible(this.#generator.rows(form, from, to), to - from);
    for (const [row, isPlausible] of rows.entries()) if (!isPlausible) this.#generator.exclude(from + row);
  }

  /** Only predicts how near mutants come to the goal, without a whole run of the model. */
  async #lookAhead(execution: TaskExecution, slice: MutantSlice): Promise<void> {
    const { seconds, goalTracker } = execution;
    if (goalTracker === undefined) throw new Error(`task ${execution.task.number} looks ahead to no goal`);
    await timed(seconds, 'model', async () => {
      const prefill = (from: number, to: number) => this.#runner.prefill({ ...slice, from, to });
      for await (const outcome of runInHalves(slice.from, slice.to, prefill)) {
        const part = { ...slice, from: outcome.from, to: outcome.to };
        if ('error' in outcome) {
          await this.#judge.recordFailedRun(execution, part, outcome.error);
          continue;
        }
        const { result } = outcome;
        const batches = [{ batch: result, firstRow: 0 }];
        const observations = this.#observationsOf(result);
        const goalRun = { slice: part, batches, observations, violatingRows: NO_ROWS };
        await this.#recordProgress(execution, goalTracker, goalRun);
      }
    });
  }

  #recordProgress(
    execution: TaskExecution,
    tracker: GoalTracker,
    run: Parameters<ProgressRecorder['record']>[2],
  ): Promise<void> {
    return this.#progress.record(execution, tracker, run, (objective, row, error) =>
      this.#judge.disableObjective(execution, objective, run.slice, row, error),
    );
  }

  #observationsOf(result: BatchResult): LazyObservations {
    const { criterion, watched } = this.#options;
    const covered = { ...result, activations: result.activations.slice(0, watched.length) };
    return new LazyObservations(() => criterion.observe(covered), result.rows);
  }

  #resultOf(execution: TaskExecution, tokens: TokenCounts): TaskResult {
    const { task, goalTracker, hitCollector, disabledObjectives, neighbours, seconds } = execution;
    const seedHits = execution.seedHits?.hits ?? [];
    const measured = goalTracker?.progress(execution.candidates.length);
    const progress =
      measured && task.goal?.ascends === true ? { ...measured, ascent: execution.ascent } : measured;
    const candidates = [...execution.candidates, ...(goalTracker?.candidates ?? [])];
    const packed: Candidates = {
      ...packTestcases(candidates),
      picks: candidates.map(({ pick }) => pick),
      predictedClasses: candidates.map(({ predictedClass }) => predictedClass),
      ...(task.picksPerStep === undefined
        ? {}
        : { paths: candidates.map(({ pick, path }) => path ?? [pick]) }),
      ...(candidates.every(({ latent }) => latent === undefined)
        ? {}
        : { latents: candidates.map(({ latent }) => latent ?? null) }),
    };
    return {
      task: task.number,
      mutants: task.mutants,
      lost: 0,
      rejected: this.#generator.rejected,
      ...(tokens.generated === 0 ? {} : { generatedTokens: tokens.generated }),
      ...(tokens.read === 0 ? {} : { readTokens: tokens.read }),
      candidates: packed,
      ...(progress === undefined ? {} : { progress }),
      hits: hitCollector.hits,
      counts: hitCollector.counts(),
      ...(seedHits.length === 0 ? {} : { seedHits }),
      ...(neighbours === undefined ? {} : { neighbours: neighbours.counts() }),
      ...(disabledObjectives.length === 0 ? {} : { disabledObjectives }),
      seconds,
    };
  }
}

/** Adds the seconds that an action takes to those of a phase. */
async function timed<T>(
  seconds: TaskExecution['seconds'],
  phase: keyof TaskExecution['seconds'],
  action: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  try {
    return await action();
  } finally {
    seconds[phase] += (performance.now() - start) / 1000;
  }
}
