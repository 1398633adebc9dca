import type { BatchDependence } from '../analysis/batch-dependence/describe-dependence.ts';
import type { InputBoxes } from '../analysis/bounds/input-boxes.ts';
import type { ReachableSite } from '../analysis/bounds/rule-out.ts';
import type { ModelDescription } from '../analysis/describe-model.ts';
import type { Interval } from '../analysis/numerical-sites/interval.ts';
import { MachineError, UserError } from '../core/errors.ts';
import type { CoverageReference } from '../coverage/reference.ts';
import type { NoiseRequest } from '../evaluation/pair-noise.ts';
import type { ReferenceRequest } from '../evaluation/run-reference.ts';
import { parseExtensionSpec } from '../extensions/spec.ts';
import { CALIBRATION_ATTEMPTS, walkSeeds } from '../fuzzer/calibration.ts';
import { type SearchGoal, withResults } from '../fuzzer/search/search-goal.ts';
import { type SeedResult, SINGLE_RUN } from '../fuzzer/seed-runner.ts';
import { NO_CLASS } from '../inputs/class-label.ts';
import type { FailedTry } from '../inputs/sizes/try-sizes.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { SampleRequest, Samples } from '../latent/sample-generator.ts';
import type { HalfSettings } from '../model/half.ts';
import type { InputInvariants, LoadOptions, ModelInfo, SecondModelOptions } from '../model/model.ts';
import type { PairNoise } from '../model/pair-noise.ts';
import type { ModelFiles, Quantization } from '../model/quantize/kind.ts';
import { processDeathViolation } from '../objectives/crash-signature.ts';
import type { RandomizeRequest } from '../saliency/randomize/randomize-model.ts';
import type { JudgePath } from './extra-models/judge-models.ts';
import type { CodecPaths, LatentReport, LatentRequest } from './extra-models/latent-models.ts';
import { ProcessDied } from './lifetime/process-died.ts';
import { RestartingProcess, type RestartingProcessOptions } from './lifetime/restarting-process.ts';
import type { BatchLook } from './look-at-batches.ts';
import type { ObjectiveDescriptor } from './objective-descriptor.ts';
import { refuseIfProcessDies } from './refusal.ts';
import { LOAD_TIMEOUT_MS } from './resource-limits.ts';
import type { OnProgress, ProcessLimits, RpcProcess, SpawnProcess } from './rpc-client.ts';
import type { BatchOpeningReport, FuzzApi, PreparedInfo } from './services/fuzz-service.ts';
import { spawnWorker } from './spawn-worker.ts';
import { TRY_TIMEOUT_MS } from './try-run.ts';
import type { PluginModule, ProbeResult, WorkerSetup } from './worker-setup.ts';

/** Milliseconds that loading plug-ins may take. */
const PLUGIN_TIMEOUT_MS = 15_000;

/** Runs of guessed sizes that may crash or hang: each costs a timeout or a start. */
const MAX_TRIES_THAT_END_PROCESS = 4;

/** Reference inputs that are sent to the process at once. */
const REFERENCE_PART = 1024;

/** Worker process used during setup to inspect the model and run the seeds; joins the pool once the campaign starts. */
export class ProbeWorker {
  #model: { readonly path: string; readonly options: LoadOptions };
  readonly #process: RestartingProcess<FuzzApi>;
  #setup: WorkerSetup | undefined;
  #triesThatEndedProcess = 0;
  #closed = false;

  /** @param onOutsideDeath called where something outside has ended the process in a step, which is done again */
  constructor(
    limits: ProcessLimits,
    model: { readonly path: string; readonly options: LoadOptions },
    spawn: SpawnProcess<FuzzApi> = spawnWorker,
    onOutsideDeath?: RestartingProcessOptions<FuzzApi>['onOutsideDeath'],
  ) {
    this.#model = model;
    this.#process = new RestartingProcess({
      spawn: () => spawn(limits),
      state: { resets: ['load'], adds: ['openBatch', 'probe', 'prepare'] },
      onOutsideDeath,
    });
    this.#process.start();
  }

  /**
   * Describes the objectives, and loads all other plug-ins as well.
   *
   * @throws UserError where one can't be loaded; a plug-in may hang or end the process
   */
  async describeObjectives(
    specs: readonly string[],
    modules: readonly PluginModule[],
  ): Promise<ObjectiveDescriptor[]> {
    try {
      return await this.#process.call('describeObjectives', { specs, modules }, PLUGIN_TIMEOUT_MS);
    } catch (error) {
      const died = this.#deathOf(error);
      const objectiveModules = specs.map(parseExtensionSpec).filter(({ isModule }) => isModule);
      const plugins = [...modules.map(({ path }) => path), ...objectiveModules.map(({ name }) => name)];
      if (plugins.length === 0)
        throw new MachineError(`${died.message} while it starts, before it has a model`);
      const outcome = died.kind === 'hang' ? 'does not finish' : `ends the process with ${died.exitStatus}`;
      throw new UserError(`the plug-in ${plugins.join(' or ')} ${outcome} while it is loaded`);
    }
  }

  /** @throws UserError where the model can't be loaded, or its loading ends the process */
  load(): Promise<ModelDescription> {
    return refuseIfProcessDies(this.#model.path, 'loading it', () =>
      this.#process.call('load', this.#model, LOAD_TIMEOUT_MS),
    );
  }

  /** Replaces the model by a copy with a free batch where that gives equal results; see `tryOpenBatch`. */
  async openBatch(testcases: readonly TestcaseData[]): Promise<BatchOpeningReport> {
    let report: BatchOpeningReport;
    try {
      report = await this.#process.call('openBatch', testcases, LOAD_TIMEOUT_MS);
    } catch (error) {
      const { exitStatus } = this.#deathOf(error);
      return { refusal: `running it ends the process with ${exitStatus}` };
    }
    if ('description' in report)
      this.#model = { ...this.#model, options: { ...this.#model.options, opensBatch: true } };
    return report;
  }

  /** Whether answers depend on the rest of the batch; not known, and so undefined, where a run ends the process. */
  async lookAtBatches(look: BatchLook): Promise<BatchDependence | undefined> {
    try {
      return await this.#process.call('lookAtBatches', look, LOAD_TIMEOUT_MS);
    } catch (error) {
      this.#deathOf(error);
      return undefined;
    }
  }

  /** How far gaps move in the models of a pair; not known, and so undefined, where a run ends the process. */
  async measureNoise(request: NoiseRequest): Promise<PairNoise | undefined> {
    try {
      return await this.#process.call('measureNoise', request, LOAD_TIMEOUT_MS);
    } catch (error) {
      this.#deathOf(error);
      return undefined;
    }
  }

  /**
   * Loads a second model to run on the same inputs.
   *
   * @throws UserError where it can't be loaded, or does not fit
   */
  async loadSecondModel(secondModel: SecondModelOptions): Promise<ModelInfo> {
    this.#model = { ...this.#model, options: { ...this.#model.options, secondModel } };
    const { model } = await refuseIfProcessDies(secondModel.path, 'loading it', () =>
      this.#process.call('load', this.#model, LOAD_TIMEOUT_MS),
    );
    return model;
  }

  /** Loads the model anew with the branches that are known from what the inputs have in common. */
  chooseBranches(invariants: InputInvariants): Promise<ModelDescription> {
    this.#model = { ...this.#model, options: { ...this.#model.options, invariants } };
    return this.load();
  }

  /** Derives a quantized copy of the loaded model; see `deriveQuantizedModel`. */
  deriveQuantizedModel(
    kind: Quantization,
    seeds: readonly TestcaseData[],
    half?: HalfSettings,
  ): Promise<ModelFiles> {
    return refuseIfProcessDies(this.#model.path, 'quantizing it', () =>
      this.#process.call('deriveQuantizedModel', { kind, seeds, half }, LOAD_TIMEOUT_MS),
    );
  }

  /** A copy of a model in which some weights are drawn again; see `randomizeModel`. */
  randomize(request: RandomizeRequest): Promise<ModelFiles> {
    return refuseIfProcessDies(this.#model.path, 'copying it', () =>
      this.#process.call('randomize', request, LOAD_TIMEOUT_MS),
    );
  }

  /**
   * Runs one testcase whose sizes are a guess. A process that it ends is replaced, but not without end.
   *
   * @returns why it fails; undefined where it runs
   */
  async tryRun(testcase: TestcaseData): Promise<FailedTry | undefined> {
    if (this.#triesThatEndedProcess >= MAX_TRIES_THAT_END_PROCESS)
      return { message: `${MAX_TRIES_THAT_END_PROCESS} runs before it ended the process`, wasNotRun: true };
    try {
      const message = await this.#process.call('tryRun', testcase, TRY_TIMEOUT_MS);
      return message === undefined ? undefined : { message, wasNotRun: false };
    } catch (error) {
      this.#triesThatEndedProcess++;
      return { message: this.#deathOf(error).message, wasNotRun: false };
    }
  }

  /** Runs a testcase alone and in a batch of two, with tensors watched. */
  probe(testcase: TestcaseData, watched: readonly string[]): Promise<ProbeResult> {
    // The same one twice: another seed may fail for its own values.
    const parameters = { testcases: [testcase, testcase], watched };
    return refuseIfProcessDies(this.#model.path, 'the first seed', () =>
      this.#process.call('probe', parameters, LOAD_TIMEOUT_MS),
    );
  }

  /** The sites, with the hazard targets that are reachable while the inputs are within their intervals and boxes. */
  reachableSites(intervals: ReadonlyMap<string, Interval>, boxes: InputBoxes): Promise<ReachableSite[]> {
    return refuseIfProcessDies(this.#model.path, 'looking at its graph', () =>
      this.#process.call('reachableSites', { intervals, boxes }, LOAD_TIMEOUT_MS),
    );
  }

  /** The goals whose tensors can be watched; without what sites compute where watching that ends the process. */
  async observableGoals(
    testcase: TestcaseData,
    goals: readonly SearchGoal[],
    watched: readonly string[],
  ): Promise<SearchGoal[]> {
    try {
      return await this.#process.call('observableGoals', { testcase, goals, watched }, LOAD_TIMEOUT_MS);
    } catch (error) {
      this.#deathOf(error);
    }
    const bare = goals.map((goal) => withResults(goal, () => false));
    return refuseIfProcessDies(this.#model.path, 'the first seed', () =>
      this.#process.call('observableGoals', { testcase, goals: bare, watched }, LOAD_TIMEOUT_MS),
    );
  }

  /**
   * The reference of a coverage criterion, from runs of inputs, undefined where the criterion has none; and how many of them the model fails
   * on.
   *
   * @param onProgress called with the number of inputs that have run
   * @throws UserError where the inputs do not suffice, or one ends the model's process
   */
  async collectReference(
    testcases: readonly TestcaseData[],
    request: Omit<ReferenceRequest, 'testcases' | 'isFirst' | 'isLast'>,
    onProgress: OnProgress = () => {},
  ): Promise<{ readonly reference: CoverageReference | undefined; readonly failed: number }> {
    let reference: CoverageReference | undefined;
    let failed = 0;
    for (let from = 0; from < testcases.length; from += REFERENCE_PART) {
      const part = testcases.slice(from, from + REFERENCE_PART);
      const isFirst = from === 0;
      const isLast = from + part.length === testcases.length;
      const collected = await refuseIfProcessDies(
        this.#model.path,
        'running the reference inputs of coverage',
        () => this.#process.call('collectReference', { ...request, testcases: part, isFirst, isLast }),
      );
      reference = collected.reference;
      failed += collected.failed;
      onProgress(from + part.length);
    }
    return { reference, failed };
  }

  /** Checks that judges fit the model; their digests. @throws UserError naming the judge that does not fit */
  checkJudges(judges: readonly JudgePath[], testcase: TestcaseData): Promise<string[]> {
    return refuseIfProcessDies(judges[0].path, 'loading the judges', () =>
      this.#process.call('checkJudges', { judges, testcase }, LOAD_TIMEOUT_MS),
    );
  }

  /** Shapes that an encoder takes, without the batch. @throws UserError where it or the decoder can't be loaded */
  encodedShapes(paths: CodecPaths): Promise<readonly (readonly (number | null)[])[]> {
    return refuseIfProcessDies(paths.encoder ?? paths.decoder, 'loading it or the decoder', () =>
      this.#process.call('encodedShapes', paths, LOAD_TIMEOUT_MS),
    );
  }

  /** Samples a generator. @throws UserError where it can't be loaded, or it is not clear what its inputs take */
  sampleGenerator(
    path: string,
    request: SampleRequest,
  ): Promise<Samples & { readonly sha256: string; readonly decodeSeconds: number }> {
    return refuseIfProcessDies(path, 'sampling it', () =>
      this.#process.call('sampleGenerator', { path, request }, LOAD_TIMEOUT_MS),
    );
  }

  /** What an encoder and a decoder make of the seeds. @throws UserError where they do not fit the input or each other */
  surveyLatent(request: LatentRequest): Promise<LatentReport> {
    return refuseIfProcessDies(request.encoder ?? request.decoder, 'encoding a seed', () =>
      this.#process.call('surveyLatent', request, LOAD_TIMEOUT_MS),
    );
  }

  /** Makes the plug-ins and opens the session that tasks run in. */
  prepare(setup: WorkerSetup): Promise<PreparedInfo> {
    this.#setup = setup;
    return this.#process.call('prepare', setup, LOAD_TIMEOUT_MS);
  }

  /**
   * Runs testcases; one that ends the process is a violation, found by halving its batch.
   *
   * @param onProgress called with the number of testcases that have run
   */
  async runSeeds(
    testcases: readonly TestcaseData[],
    labelOf?: ReadonlyMap<TestcaseData, number>,
    onProgress: OnProgress = () => {},
  ): Promise<SeedResult[]> {
    const { batch } = this.#requireSetup();
    const results: SeedResult[] = [];
    for (let from = 0; from < testcases.length; from += batch) {
      results.push(...(await this.#runSeedBatch(testcases.slice(from, from + batch), labelOf)));
      onProgress(results.length);
    }
    return results;
  }

  /**
   * Calibrates the threshold with fewer mutants after each death; undefined where every attempt ended the process.
   *
   * @param most mutants of the first attempt
   * @param onProgress called with the number of mutants that have run
   */
  async calibrate(seeds: readonly SeedResult[], most: number, onProgress: OnProgress = () => {}) {
    for (let attempt = 0; attempt < CALIBRATION_ATTEMPTS; attempt++) {
      const mutants = Math.max(1, most >> (2 * attempt));
      const parameters = { seeds: walkSeeds(seeds, mutants), plan: { mutants, attempt } };
      try {
        return await this.#process.call('calibrate', parameters, undefined, onProgress);
      } catch (error) {
        this.#deathOf(error);
      }
    }
    return undefined;
  }

  /** The process, prepared as every worker is; undefined where it has died. */
  get child(): RpcProcess<FuzzApi> | undefined {
    return this.#process.current;
  }

  close(): void {
    this.#closed = true;
    this.#process.kill();
  }

  #requireSetup(): WorkerSetup {
    if (this.#setup === undefined) throw new Error('the probe worker is not prepared');
    return this.#setup;
  }

  async #runSeedBatch(
    testcases: readonly TestcaseData[],
    labelOf: ReadonlyMap<TestcaseData, number> | undefined,
  ): Promise<SeedResult[]> {
    try {
      const labels = labelOf && testcases.map((testcase) => labelOf.get(testcase) ?? NO_CLASS);
      const verdicts = await this.#process.call('runSeeds', { testcases, labels });
      return verdicts.map((verdict, i) => ({ ...verdict, data: testcases[i] }));
    } catch (error) {
      const died = this.#deathOf(error);
      if (testcases.length === 1) {
        const violation = processDeathViolation(died.kind, died.exitStatus);
        return testcases.map((data) => ({
          data,
          activations: new Float32Array(0),
          violation,
          predictedClass: NO_CLASS,
          run: SINGLE_RUN,
        }));
      }
      const middle = testcases.length >> 1;
      return [
        ...(await this.#runSeedBatch(testcases.slice(0, middle), labelOf)),
        ...(await this.#runSeedBatch(testcases.slice(middle), labelOf)),
      ];
    }
  }

  /** The death that an error is; the next call starts another process. @throws any other error, and a death since this was closed */
  #deathOf(error: unknown): ProcessDied {
    if (!(error instanceof ProcessDied) || this.#closed) throw error;
    return error;
  }
}
