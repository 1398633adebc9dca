import { errorMessage } from '../core/errors.ts';
import type { CoverageCriterion } from '../coverage/criterion.ts';
import { isFiniteVector, type NeighbourIndex, squaredDistance } from '../coverage/index/neighbour-index.ts';
import { Attributor } from '../evaluation/attribution.ts';
import {
  type BatchContext,
  type BatchSlice,
  prepareSlices,
  RunTimeTracker,
  sliceBatch,
  watchedTensors,
} from '../evaluation/judged-batch.ts';
import { callWithTimeout, PluginError } from '../extensions/plugin-loader.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import {
  type BatchedModel,
  type BatchResult,
  packBatch,
  type ShapeSignature,
} from '../model/batched-model.ts';
import { failedRunViolation } from '../objectives/crash-signature.ts';
import type { JudgedBatch, Objective, Violation } from '../objectives/objective.ts';
import { predictedClassOf } from './corpus/predicted-class.ts';
import type { MetamorphicTransform } from './generation/metamorphic-transform.ts';
import {
  MutantGenerator,
  type MutantGeneratorOptions,
  type TaskStep,
  wholeTask,
} from './generation/mutant-generator.ts';
import type { ParentSource } from './generation/parent-source.ts';
import { HitCollector } from './hit-collector.ts';
import { packTestcases } from './packed-testcases.ts';
import type { DisabledObjective, PhaseSeconds, Span, Task, TaskResult } from './scheduling/task.ts';
import { MUTANTS_PER_PICK } from './scheduling/task-sizes.ts';
import { type Candidate, GoalTracker } from './search/goal-tracker.ts';
import type { SearchGoal } from './search/search-goal.ts';
import { Trajectories } from './search/trajectories.ts';

/** All that a worker is made from; two workers made alike give the same results. */
export interface TaskRunnerOptions extends MutantGeneratorOptions {
  readonly model: BatchedModel;
  readonly objectives: readonly Objective[];
  /** What testcases are changed by, of each objective that runs them twice. */
  readonly transforms: ReadonlyMap<string, MetamorphicTransform>;
  readonly watched: readonly string[];
  /** Where operations go wrong, that tasks may be for. */
  readonly goals: readonly SearchGoal[];
  /** Whether testcases may be of several forms. */
  readonly varying: boolean;
  /** Whether there is memory for tracing violations to operations. */
  readonly traces: boolean;
  readonly criterion: CoverageCriterion;
  /** Hits of one signature that a task sends back with their data. */
  readonly keep: number;
}

/** What a task sees of the campaign. */
export interface CorpusView extends ParentSource {
  /** Absent without guidance: nothing is kept then. */
  readonly index: NeighbourIndex | undefined;
}

/** How many times its usual time a run of one testcase takes before it is timed a second time. */
const RETIME_FACTOR = 1.5;

/** Violations of a task that look alike and are traced: the first ones, and one in so many after them. */
const MAX_FIRST_TRACES = 2;
const TRACE_INTERVAL_VIOLATIONS = 32;

/** Carries out tasks: mutates, runs the model, judges, and asks the index what is new. */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #generator: MutantGenerator;
  readonly #attributor: Attributor;
  /** What is watched in every run: for coverage, and behind that for objectives. */
  readonly #watchedTensors: readonly string[];
  readonly #isLabelled: boolean;
  readonly #stopwatch: RunTimeTracker | undefined;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
    const { watched, objectives, model } = options;
    this.#watchedTensors = watchedTensors(watched, objectives, model.model);
    this.#isLabelled = objectives.some(({ labelled }) => labelled === true);
    this.#stopwatch = objectives.some(({ timed }) => timed === true) ? new RunTimeTracker() : undefined;
    this.#attributor = new Attributor(options.model, options.traces);
    this.#generator = new MutantGenerator(options);
  }

  /**
   * Runs a task. Its draws come from (master seed, task number) alone. A run that the runtime fails is
   * halved until the testcases that fail it stand alone: they are hits, and the others count as ever.
   *
   * @param span which of its mutants to run; all are made, so that each is what it always is
   * @param beat called between runs of the model
   * @param begun told each step before it is made
   */
  async run(
    task: Task,
    view: CorpusView,
    span: Span = { from: 0, to: task.mutants },
    beat: () => void = () => {},
    begun: (step: TaskStep) => void = () => {},
  ): Promise<TaskResult> {
    const seconds: PhaseSeconds = { mutate: 0, model: 0, objectives: 0, coverage: 0 };
    const book = new HitCollector(task, this.#options.keep);
    const spokenBefore = this.#options.model.model.generation?.generatedTokens ?? 0;
    const climber =
      task.goal === undefined
        ? undefined
        : new GoalTracker(
            task.goal,
            this.#options.goals,
            this.#options.objectives,
            this.#options.varying,
            task.picksPerStep,
          );
    const ended = new Set(task.disabledObjectives);
    const objectives = this.#options.objectives.filter(({ name }) => !ended.has(name));
    const job: TaskExecution = {
      task,
      view,
      seconds,
      hitCollector: book,
      goalTracker: climber,
      objectives: new Set(objectives),
      traced: new Map(),
      candidates: [],
      trajectories: new Trajectories(task, (entry) => view.entryData(entry), climber),
      disabledObjectives: [],
      isLookahead: false,
    };
    // What a step mutates follows from the steps before it: those are run again.
    const begin = task.picksPerStep === undefined ? span.from : 0;
    const spent = (more: number): void => {
      seconds.mutate += more;
    };
    for (const step of job.trajectories.steps()) {
      begun(step);
      job.isLookahead = task.lookahead === true && step.to < task.parents.length;
      if (step.from * MUTANTS_PER_PICK >= span.to) break;
      for (const { form, first, rows } of this.#generator.batches(task, view, spent, step)) {
        const from = Math.max(begin - first, 0);
        const to = Math.min(span.to - first, rows);
        if (to > from) await this.#runBatch(job, form, first, from, to);
        if (first + rows >= span.to) break;
        beat();
      }
    }
    const { mutants, number } = task;
    const spoken = (this.#options.model.model.generation?.generatedTokens ?? 0) - spokenBefore;
    const approach = climber?.progress(job.candidates.length);
    const all = [...job.candidates, ...(climber?.candidates ?? [])];
    const candidates = {
      ...packTestcases(all),
      picks: all.map(({ pick }) => pick),
      predictedClasses: all.map(({ predictedClass }) => predictedClass),
      ...(task.picksPerStep === undefined ? {} : { paths: all.map(({ pick, path }) => path ?? [pick]) }),
    };
    return {
      task: number,
      mutants,
      lost: 0,
      rejected: this.#generator.rejected,
      ...(spoken === 0 ? {} : { generatedTokens: spoken }),
      candidates,
      ...(approach === undefined ? {} : { progress: approach }),
      hits: book.hits,
      counts: book.counts(),
      ...(job.disabledObjectives.length === 0 ? {} : { disabledObjectives: job.disabledObjectives }),
      seconds,
    };
  }

  /** Makes one of a task's mutants without running it, nor any of its own step. */
  async makeMutant(
    task: Task,
    view: CorpusView,
    at: number,
  ): Promise<{ readonly pick: number; readonly data: TestcaseData }> {
    const made = async (step: TaskStep) => {
      for (const { form, first, rows } of this.#generator.batches(task, view, () => {}, step)) {
        const row = at - first;
        if (row < rows)
          return { pick: this.#generator.pickOf(row), data: this.#generator.copy(form, row, row + 1) };
      }
      throw new RangeError(`task ${task.number} has no mutant ${at}`);
    };
    if (task.picksPerStep === undefined) return made(wholeTask(task));
    const perStep = task.picksPerStep * MUTANTS_PER_PICK;
    const before = Math.floor(at / perStep);
    const steps: TaskStep[] = [];
    await this.run(
      task,
      view,
      { from: 0, to: before * perStep },
      () => {},
      (step) => steps.push(step),
    );
    return made(steps[before]);
  }

  async #runBatch(
    job: TaskExecution,
    form: ShapeSignature,
    first: number,
    from: number,
    to: number,
  ): Promise<void> {
    const { seconds } = job;
    const start = performance.now();
    const { model, watched } = this.#options;
    const { goalTracker } = job;
    let whole: BatchResult;
    let time: JudgedBatch['time'];
    try {
      const own = this.#watchedTensors;
      const tensors = goalTracker === undefined ? own : [...new Set([...own, ...goalTracker.tensors])];
      const rows = this.#generator.rows(form, from, to);
      whole = job.isLookahead
        ? await model.prefill(rows, to - from, watched)
        : await model.run(rows, to - from, tensors);
      if (this.#stopwatch !== undefined && to - from === 1) {
        let took = (performance.now() - start) / 1000;
        const usual = this.#stopwatch.usualSeconds(form.key);
        if (took > RETIME_FACTOR * usual) {
          // The machine was busy, or the testcase is slow: a second run tells.
          const second = performance.now();
          await model.run(this.#generator.rows(form, from, to), 1, tensors);
          took = Math.min(took, (performance.now() - second) / 1000);
        }
        this.#stopwatch.record(form.key, took);
        time = { took, usual };
      }
    } catch (error) {
      seconds.model += (performance.now() - start) / 1000;
      if (to - from === 1)
        this.#recordHit(job, form, first, from, from, to, failedRunViolation(errorMessage(error)), undefined);
      else {
        const middle = (from + to) >> 1;
        await this.#runBatch(job, form, first, from, middle);
        await this.#runBatch(job, form, first, middle, to);
      }
      return;
    }
    const ran = performance.now();
    if (job.isLookahead && goalTracker !== undefined) {
      const foreseen = await this.#predictMargins(goalTracker, [{ batch: whole, firstRow: 0 }], from);
      this.#trackProgress(
        job,
        goalTracker,
        form,
        foreseen,
        memoize(() => this.#options.criterion.observe(whole)),
        NO_ROWS,
        from,
      );
      seconds.model += (performance.now() - start) / 1000;
      return;
    }
    // What is watched for a point is none of coverage's and the objectives' business: they see what they always do.
    const result = { ...whole, activations: whole.activations.slice(0, this.#watchedTensors.length) };
    const covered = { ...whole, activations: whole.activations.slice(0, watched.length) };
    const vectors = memoize(() => this.#options.criterion.observe(covered));
    const circumstances = { labels: this.#labels(job, from, to), time };
    const { broken, parts } = await this.#judge(job, form, result, first, from, to, circumstances);
    const judged = performance.now();
    this.#collectNovel(job, form, result, vectors, broken, from);
    if (goalTracker !== undefined) {
      const { objective } = goalTracker;
      const seen = objective === undefined ? [{ batch: whole, firstRow: 0 }] : (parts.get(objective) ?? []);
      const foreseen = await this.#predictMargins(goalTracker, seen, from);
      this.#trackProgress(job, goalTracker, form, foreseen, vectors, broken, from);
    }
    seconds.model += (ran - start) / 1000;
    seconds.objectives += (judged - ran) / 1000;
    seconds.coverage += (performance.now() - judged) / 1000;
  }

  /** Returns the rows of the result that broke an objective, and the run as each objective saw it. */
  async #judge(
    job: TaskExecution,
    form: ShapeSignature,
    result: BatchResult,
    first: number,
    from: number,
    to: number,
    circumstances: BatchContext,
  ) {
    const broken = new Set<number>();
    const parts = new Map<Objective, readonly BatchSlice[]>();
    for (const objective of job.objectives) {
      const changer = this.#options.transforms.get(objective.name);
      const changed = changer && (() => changer.apply(this.#generator.rows(form, from, to), to - from));
      const own = await prepareSlices(objective, this.#options.model, result, circumstances, changed);
      const seen: RowViolation[] = [];
      try {
        for (const part of own)
          objective.judge(part.batch, (row, violation) => {
            if (!this.#generator.isVoid(from + part.firstRow + row))
              seen.push({ row: part.firstRow + row, violation });
          });
      } catch (error) {
        this.#disableObjective(job, objective, own, form, from, error);
        continue;
      }
      parts.set(objective, own);
      for (const { row } of seen) broken.add(row);
      for (const { row, violation } of await this.#attributeViolations(job, objective, seen, form, from, to))
        this.#recordHit(job, form, first, from + row, from, to, violation, objective);
    }
    return { broken, parts };
  }

  /** A plug-in failed: its objective is not judged any more, from here on. */
  #disableObjective(
    job: TaskExecution,
    objective: Objective,
    parts: readonly BatchSlice[],
    form: ShapeSignature,
    from: number,
    error: unknown,
  ): void {
    if (!(error instanceof PluginError)) throw error;
    const row = findFailingRow(objective, parts);
    const at = from + Math.max(0, row);
    job.objectives.delete(objective);
    job.disabledObjectives.push({
      objective: objective.name,
      message: error.message,
      data: this.#generator.copy(form, at, at + 1),
    });
  }

  /** The class that each row's seed shows, where an objective needs to know. */
  #labels({ task, view }: TaskExecution, from: number, to: number): Int32Array | undefined {
    if (!this.#isLabelled) return undefined;
    return Int32Array.from({ length: to - from }, (_, i) => {
      const pick = this.#generator.pickOf(from + i);
      return view.entryData(task.parents[pick]).label ?? -1;
    });
  }

  /** Traces violations to where they begin: of those that look alike the first ones of a task, then one now and then. */
  async #attributeViolations(
    { traced }: TaskExecution,
    objective: Objective,
    seen: readonly RowViolation[],
    form: ShapeSignature,
    from: number,
    to: number,
  ): Promise<readonly RowViolation[]> {
    if (objective.attribute === undefined) return seen;
    const batch = { block: this.#generator.rows(form, from, to), rows: to - from };
    const placed: RowViolation[] = [];
    for (const { row, violation } of seen) {
      const before = traced.get(violation.signature) ?? { count: 0, as: violation };
      const count = before.count + 1;
      const isDue = count <= MAX_FIRST_TRACES || count % TRACE_INTERVAL_VIOLATIONS === 0;
      const testcase = this.#generator.rows(form, from + row, from + row + 1);
      // The first one of a task alone: what a worker has seen before must not matter.
      const where = { testcase, batch, exhaustive: count === 1 };
      const found = isDue ? await this.#attributor.attribute(objective, violation, where) : undefined;
      // What only a thorough look shows is taken to be what that showed.
      const as = found?.origin === undefined ? before.as : found.violation;
      traced.set(violation.signature, { count, as });
      placed.push({ row, violation: as });
    }
    return placed;
  }

  #recordHit(
    job: TaskExecution,
    form: ShapeSignature,
    first: number,
    row: number,
    from: number,
    to: number,
    violation: Violation,
    objective: Objective | undefined,
  ): void {
    const { task, hitCollector, view } = job;
    if (!hitCollector.countHit(violation)) return;
    const pick = this.#generator.pickOf(row);
    const path = job.trajectories.pathOf(pick);
    const changer = objective && this.#options.transforms.get(objective.name);
    const { label } = view.entryData(task.parents[pick]);
    hitCollector.add({
      pick,
      ...(path === undefined ? {} : { path }),
      execs: task.firstExec + first + row + 1,
      violation,
      data: this.#generator.copy(form, row, row + 1),
      ...(objective?.labelled === true && label !== undefined ? { label } : {}),
      ...(changer === undefined
        ? {}
        : { transformed: packBatch([changer.apply(this.#generator.rows(form, row, row + 1), 1)]) }),
      batch: { data: this.#generator.copy(form, from, to), rows: to - from, row: row - from },
    });
  }

  // Most mutants lie nearer to their parent than the threshold; those need no search. Nor do those near to
  // what the same task sends back already: at most one of them would enter the corpus.
  #collectNovel(
    job: TaskExecution,
    form: ShapeSignature,
    result: BatchResult,
    vectors: () => Float32Array,
    broken: ReadonlySet<number>,
    from: number,
  ): void {
    const { task, view, candidates } = job;
    const { index } = view;
    if (index === undefined) return;
    const all = vectors();
    const width = all.length / result.rows;
    for (let row = 0; row < result.rows; row++) {
      if (this.#generator.isVoid(from + row)) continue;
      const pick = this.#generator.pickOf(from + row);
      const near = squaredDistance(all, row * width, job.trajectories.parentOf(pick).activations);
      if (near <= task.threshold || broken.has(row) || !isFiniteVector(all, row * width, width)) continue;
      const activations = all.subarray(row * width, (row + 1) * width);
      if (candidates.some((other) => squaredDistance(activations, 0, other.activations) <= task.threshold))
        continue;
      if (index.nearest(activations) <= task.threshold) continue;
      const data = this.#generator.copy(form, from + row, from + row + 1);
      const outcome = predictedClassOf(result, row);
      candidates.push({
        pick,
        path: job.trajectories.pathOf(pick),
        data,
        activations: activations.slice(),
        predictedClass: outcome,
      });
    }
  }

  /** Parts of a run with the margins that the objective looks further for, each row's at the target of its pick. */
  async #predictMargins(
    climber: GoalTracker,
    parts: readonly BatchSlice[],
    first: number,
  ): Promise<readonly BatchSlice[]> {
    const { objective } = climber;
    if (objective?.predictMargins === undefined) return parts;
    const looked: BatchSlice[] = [];
    for (const { batch, firstRow } of parts) {
      const ways = Int32Array.from({ length: batch.rows }, (_, row) =>
        climber.subgoalOf(this.#generator.pickOf(first + firstRow + row)),
      );
      const bars = Float64Array.from({ length: batch.rows }, (_, row) =>
        climber.marginToBeat(this.#generator.pickOf(first + firstRow + row)),
      );
      const margins = await objective.predictMargins(this.#options.model, batch, ways, bars);
      looked.push({ batch: { ...batch, predictedMargins: { margins, indices: ways } }, firstRow });
    }
    return looked;
  }

  #trackProgress(
    job: TaskExecution,
    climber: GoalTracker,
    form: ShapeSignature,
    parts: readonly BatchSlice[],
    vectors: () => Float32Array,
    broken: ReadonlySet<number>,
    from: number,
  ): void {
    const rows = parts.reduce((sum, { batch }) => sum + batch.rows, 0);
    const see = (part: BatchSlice): void =>
      climber.record(part, (row) => {
        if (this.#generator.isVoid(from + row)) return undefined;
        const pick = this.#generator.pickOf(from + row);
        return {
          pick,
          toCandidate: () => {
            const all = vectors();
            const width = all.length / rows;
            if (broken.has(row) || !isFiniteVector(all, row * width, width)) return undefined;
            const data = this.#generator.copy(form, from + row, from + row + 1);
            const activations = all.slice(row * width, (row + 1) * width);
            const outcome = predictedClassOf(part.batch, row - part.firstRow);
            return { pick, path: job.trajectories.pathOf(pick), data, activations, predictedClass: outcome };
          },
        };
      });
    const { objective } = climber;
    for (const part of parts) {
      if (objective?.plugin === undefined) {
        see(part);
        continue;
      }
      try {
        callWithTimeout(objective.plugin, () => see(part));
      } catch (error) {
        this.#disableObjective(job, objective, [], form, from + part.firstRow, error);
        return;
      }
    }
  }
}

/** Rows that break an objective, where none is judged. */
const NO_ROWS: ReadonlySet<number> = new Set();

function memoize<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** A task on its way through the model. */
interface TaskExecution {
  readonly task: Task;
  readonly view: CorpusView;
  readonly seconds: PhaseSeconds;
  readonly hitCollector: HitCollector;
  readonly goalTracker: GoalTracker | undefined;
  /** By how a violation looks: how many there were, and what the last one that was traced came to. */
  readonly traced: Map<string, { readonly count: number; readonly as: Violation }>;
  readonly candidates: Candidate[];
  readonly trajectories: Trajectories;
  /** Objectives that are judged still. */
  readonly objectives: Set<Objective>;
  readonly disabledObjectives: DisabledObjective[];
  /** Whether the step that is made looks ahead alone. */
  isLookahead: boolean;
}

/** The row on which judging fails, by its place in the whole; -1 where no row does it alone. */
function findFailingRow(objective: Objective, parts: readonly BatchSlice[]): number {
  for (const { batch, firstRow } of parts)
    for (let row = 0; row < batch.rows; row++) {
      try {
        objective.judge(sliceBatch(batch, row, row + 1), () => {});
      } catch {
        return firstRow + row;
      }
    }
  return -1;
}

/** A row of a run that breaks an objective. */
interface RowViolation {
  readonly row: number;
  readonly violation: Violation;
}
