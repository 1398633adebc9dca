import type { AttentionMeasures, AttentionRequest } from '../analysis/attention/measure-attention.ts';
import type { ModelDescription } from '../analysis/describe-model.ts';
import type { NumericalSite } from '../analysis/numerical-sites/site.ts';
import type { WeightComparison } from '../analysis/spectral/compare-spectra.ts';
import type { AttackOutcome } from '../attacks/attack.ts';
import type { AttackRequest } from '../attacks/run-attack.ts';
import type { SlopeFacts, SlopeFactsRequest } from '../audit/slopes.ts';
import type { SurrogateRequest } from '../audit/surrogate.ts';
import type { ModelConfig } from '../config/schema.ts';
import { parseDuration, parseSize } from '../config/values.ts';
import { processScript } from '../core/package-files.ts';
import type { ModelComparison } from '../evaluation/compare-pair.ts';
import type { CoverageMeasurements } from '../evaluation/measure-coverage.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { HalfSettings } from '../model/half.ts';
import type { InferredShapes } from '../model/infer-shapes.ts';
import type { LoadOptions, ModelInfo, SecondModelInfo, SecondModelOptions } from '../model/model.ts';
import type { ModelFiles, Quantization } from '../model/quantize/kind.ts';
import type { ProgramRun } from '../reprogram/program-oracle.ts';
import type { TrainedProgram, TrainRequest } from '../reprogram/train-program.ts';
import type { ExplainRequest, Explanations, MethodRefusals } from '../saliency/explain.ts';
import type { RandomizeRequest } from '../saliency/randomize/randomize-model.ts';
import { loadOptions, modelPath } from '../storage/load-options.ts';
import type { AnswerRequest, Answers } from '../tournament/answers.ts';
import type { PackedRequest } from '../tournament/run-packed.ts';
import { ProcessDied } from './lifetime/process-died.ts';
import { RestartingProcess } from './lifetime/restarting-process.ts';
import { refuseIfProcessDies } from './refusal.ts';
import { LOAD_TIMEOUT_MS, memoryLimits } from './resource-limits.ts';
import { type ProcessLimits, RpcClient, type SpawnProcess } from './rpc-client.ts';
import type {
  BatchOutputs,
  ComparisonRequest,
  CoverageMeasurement,
  MeasuredSpectra,
  ModelApi,
  SpectraRequest,
} from './services/model-service.ts';
import { TRY_TIMEOUT_MS } from './try-run.ts';
import type { ProbeResult } from './worker-setup.ts';

/** Milliseconds that the run on zeros may take that shapes are read from. */
const SHAPES_TIMEOUT_MS = 10_000;

/**
 * Opens a session for the model that the settings name, and closes it once `use` is done.
 *
 * @throws UserError where the model can't be loaded
 */
export async function withModelSession<T>(
  config: ModelConfig,
  use: (session: ModelSession) => Promise<T>,
): Promise<T> {
  const asked = config.memory === undefined ? undefined : parseSize(config.memory);
  const session = new ModelSession({ timeout: parseDuration(config.timeout), ...memoryLimits(asked, 1) });
  try {
    await session.load(modelPath(config).asGiven, loadOptions(config));
    return await use(session);
  } finally {
    session.close();
  }
}

/**
 * A model in a process of its own, for commands that fuzz nothing. A process that the model ends is replaced with
 * the next call, and the model loaded anew.
 */
export class ModelSession {
  readonly #process: RestartingProcess<ModelApi>;
  #loaded:
    | { readonly path: string; readonly options: LoadOptions; readonly description: ModelDescription }
    | undefined;

  constructor(
    limits: Partial<ProcessLimits> = {},
    spawn: SpawnProcess<ModelApi> = (options) =>
      new RpcClient({ ...options, script: processScript('model-service') }),
  ) {
    const all = { timeout: LOAD_TIMEOUT_MS, ...memoryLimits(undefined, 1), ...limits };
    this.#process = new RestartingProcess({
      spawn: () => spawn(all),
      state: { resets: ['load'], adds: ['probe'] },
    });
  }

  /** The loaded model; with a second model once that is loaded. */
  get info(): ModelInfo {
    return this.#requireLoaded().description.model;
  }

  /** Numerical sites of the loaded model, in topological order. */
  get sites(): readonly NumericalSite[] {
    return this.#requireLoaded().description.sites;
  }

  /**
   * Loads a model in place of the one before.
   *
   * @throws UserError where it can't be loaded, or loading it ends the process
   */
  async load(path: string, options: LoadOptions): Promise<ModelInfo> {
    this.#loaded = undefined;
    const description = await this.#loadInProcess(path, path, options);
    this.#loaded = { path, options, description };
    return description.model;
  }

  /**
   * Loads a second model to run on the same inputs.
   *
   * @throws UserError where it can't be loaded, or its inputs or outputs do not fit
   */
  async loadSecondModel(secondModel: SecondModelOptions): Promise<SecondModelInfo> {
    const { path, options } = this.#requireLoaded();
    const both = { ...options, secondModel };
    const description = await this.#loadInProcess(secondModel.path, path, both);
    this.#loaded = { path, options: both, description };
    const { secondModel: info } = description.model;
    if (info === undefined) throw new Error('there is no second model');
    return info;
  }

  /**
   * Shapes that tensors have in a run on zeros, as far as the model can be run on those.
   *
   * @param sizes whole shapes of inputs with open sizes that the model is known to run on, by name
   */
  async shapes(
    tensors: readonly string[],
    sizes: Readonly<Record<string, readonly number[]>> = {},
  ): Promise<InferredShapes> {
    this.#requireLoaded();
    try {
      return await this.#process.call('shapes', { tensors, sizes }, SHAPES_TIMEOUT_MS);
    } catch (error) {
      if (error instanceof ProcessDied) return { shapes: new Map(), failure: error.message };
      throw error;
    }
  }

  /**
   * Runs one testcase whose sizes are a guess. A process that it ends is replaced with the next call.
   *
   * @returns why it fails; undefined where it runs
   */
  async tryRun(testcase: TestcaseData): Promise<string | undefined> {
    this.#requireLoaded();
    try {
      return await this.#process.call('tryRun', testcase, TRY_TIMEOUT_MS);
    } catch (error) {
      if (error instanceof ProcessDied) return error.message;
      throw error;
    }
  }

  /**
   * Probes tensors as a campaign does before it watches them.
   *
   * @throws UserError where the model fails, or ends the process
   */
  probeTensors(testcase: TestcaseData, tensors: readonly string[]): Promise<ProbeResult> {
    return this.#call('watching its tensors', () =>
      this.#process.call('probeTensors', { testcase, tensors }, LOAD_TIMEOUT_MS),
    );
  }

  /**
   * Runs testcases.
   *
   * @param tensors intermediate ones to return beside the outputs
   * @returns a result for each batch, in the order of the testcases; their rows add up to as many
   * @throws UserError where the model fails, or ends the process
   */
  async run(
    testcases: readonly TestcaseData[],
    tensors: readonly string[] = [],
  ): Promise<readonly BatchOutputs[]> {
    await this.#probe(testcases, tensors);
    return this.#call('running it', () => this.#process.call('run', { testcases, tensors }));
  }

  /**
   * The largest magnitude of each tensor over testcases; infinite where a value is not finite.
   *
   * @param tensors inputs and watchable ones, of floats
   * @throws UserError where the model fails, or ends the process
   */
  async largestMagnitudes(
    testcases: readonly TestcaseData[],
    tensors: readonly string[],
  ): Promise<ReadonlyMap<string, number>> {
    await this.#probe(testcases, []);
    return this.#call('running it', () =>
      this.#process.call('largestMagnitudes', { testcases, tensors }, LOAD_TIMEOUT_MS),
    );
  }

  /**
   * Measures the largest singular values of the model's weights.
   *
   * @param onShare called with the share of the weights that are measured
   * @throws UserError where the model ends the process
   */
  async measureSpectra(request: SpectraRequest, onShare?: (share: number) => void): Promise<MeasuredSpectra> {
    await this.#probe(request.testcase === undefined ? [] : [request.testcase], []);
    return this.#call('measuring its weights', () =>
      this.#process.call('measureSpectra', request, LOAD_TIMEOUT_MS, onShare),
    );
  }

  /**
   * Measures what heads of attention do with testcases.
   *
   * @param onShare called with the share of the testcases that are run
   * @throws UserError where the model fails, or ends the process
   */
  async measureAttention(
    request: AttentionRequest,
    onShare?: (share: number) => void,
  ): Promise<AttentionMeasures> {
    await this.#probe(request.testcases, []);
    return this.#call('measuring its attention', () =>
      this.#process.call('measureAttention', request, undefined, onShare),
    );
  }

  /**
   * Compares the weights of both models.
   *
   * @param testcase one that they run on; undefined where none is known
   * @param onShare called with the share of the weights that are compared
   * @throws UserError where a model ends the process
   */
  async compareSpectra(
    testcase: TestcaseData | undefined,
    onShare?: (share: number) => void,
  ): Promise<WeightComparison> {
    await this.#probe(testcase === undefined ? [] : [testcase], []);
    return this.#call('comparing its weights', () =>
      this.#process.call('compareSpectra', testcase, LOAD_TIMEOUT_MS, onShare),
    );
  }

  /**
   * Compares both models on testcases.
   *
   * @param onShare called with the share of the work that is done
   * @throws UserError where the objective does not fit the outputs, or a model ends the process
   */
  async compare(request: ComparisonRequest, onShare?: (share: number) => void): Promise<ModelComparison> {
    await this.#probe(request.testcases, []);
    return this.#call('comparing it', () => this.#process.call('compare', request, LOAD_TIMEOUT_MS, onShare));
  }

  /**
   * Measures how much test sets cover.
   *
   * @param onShare called with the share of the work that is done
   * @throws UserError where a criterion does not suit the model, or the model ends the process
   */
  async measureCoverage(
    request: CoverageMeasurement,
    onShare?: (share: number) => void,
  ): Promise<CoverageMeasurements> {
    await this.#probe(request.sets[0] ?? [], request.tensors);
    return this.#call('measuring its coverage', () =>
      this.#process.call('measureCoverage', request, LOAD_TIMEOUT_MS, onShare),
    );
  }

  /**
   * Attacks inputs of the model.
   *
   * @param onShare called with the share of the attack that is done
   * @throws UserError where the model ends the process
   */
  async attack(request: AttackRequest, onShare?: (share: number) => void): Promise<readonly AttackOutcome[]> {
    await this.#probeScores(request);
    return this.#call('attacking it', () => this.#process.call('attack', request, undefined, onShare));
  }

  /**
   * Plays games of a tournament.
   *
   * @throws UserError where the model has no scores of classes, or ends the process
   */
  async answerGames(request: AnswerRequest): Promise<Answers> {
    return this.#call('playing', () => this.#process.call('answerGames', request));
  }

  /**
   * Runs a batch of testcases, of which one output is needed.
   *
   * @returns `[rows, size]`
   * @throws UserError where there is no such output, the model fails, or ends the process
   */
  async runPacked(request: PackedRequest): Promise<Float32Array> {
    return this.#call('playing', () => this.#process.call('runPacked', request));
  }

  /** Tries a testcase as the model's first run. @throws UserError where the model fails, or ends the process */
  tryFirst(testcase: TestcaseData): Promise<void> {
    return this.#probe([testcase], []);
  }

  /**
   * Trains one change for all inputs from one start.
   *
   * @param onShare called with the share of the training that is done
   * @throws UserError where the model has no gradients and they are asked for, or it ends the process
   */
  async trainProgram(request: TrainRequest, onShare?: (share: number) => void): Promise<TrainedProgram> {
    this.#requireLoaded();
    return this.#call('training a program on it', () =>
      this.#process.call('trainProgram', request, undefined, onShare),
    );
  }

  /** Logits of inputs with a program in them. @throws UserError where the model ends the process */
  async runProgram(request: ProgramRun): Promise<Float64Array[]> {
    this.#requireLoaded();
    return this.#call('running a program on it', () => this.#process.call('runProgram', request));
  }

  /**
   * Tries whether gradients lead from the scores to the attacked input.
   *
   * @returns why none does, or that the process ended; undefined where one does
   */
  async gradientRefusal(request: Omit<AttackRequest, 'attack'>): Promise<string | undefined> {
    this.#requireLoaded();
    try {
      return await this.#process.call('gradientRefusal', request, LOAD_TIMEOUT_MS);
    } catch (error) {
      if (error instanceof ProcessDied) return error.message;
      throw error;
    }
  }

  /**
   * Measures the slope of the model at inputs.
   *
   * @throws UserError where the model ends the process
   */
  async measureSlopes(request: SlopeFactsRequest): Promise<readonly SlopeFacts[]> {
    await this.#probeScores(request);
    return this.#call('differentiating it', () =>
      this.#process.call('measureSlopes', request, LOAD_TIMEOUT_MS),
    );
  }

  /**
   * Trains a network on the model's answers.
   *
   * @param onShare called with the share of the training that is done
   * @returns the bytes of its ONNX file
   * @throws UserError where the model ends the process
   */
  async trainSurrogate(request: SurrogateRequest, onShare?: (share: number) => void): Promise<Uint8Array> {
    await this.#probeScores(request);
    return this.#call('training on its answers', () =>
      this.#process.call('trainSurrogate', request, LOAD_TIMEOUT_MS, onShare),
    );
  }

  /**
   * Explains the scores of classes.
   *
   * @param onShare called with the share of the work that is done
   * @throws UserError where a method does not suit the model, or the model ends the process
   */
  async explain(request: ExplainRequest, onShare?: (share: number) => void): Promise<Explanations> {
    await this.#probeExplained(request);
    return this.#call('explaining it', () => this.#process.call('explain', request, undefined, onShare));
  }

  /**
   * Tries which methods of explaining the model allows.
   *
   * @returns by method, why it does not
   */
  async refusedMethods(
    request: Pick<ExplainRequest, 'inputs' | 'methods' | 'context'>,
  ): Promise<MethodRefusals> {
    await this.#probeExplained(request);
    return this.#call('differentiating it', () =>
      this.#process.call('refusedMethods', request, LOAD_TIMEOUT_MS),
    );
  }

  /**
   * A copy of a model in which some weights are drawn again.
   *
   * @throws UserError where the model can't be read or changed
   */
  randomize(request: RandomizeRequest): Promise<ModelFiles> {
    return this.#call('copying it', () => this.#process.call('randomize', request, LOAD_TIMEOUT_MS));
  }

  /**
   * Derives a quantized copy of the model's files.
   *
   * @param seeds testcases to calibrate on, for int8 copies of ONNX models
   * @param half how copies in half precision add up
   * @param onShare called with the share of the calibration that is done
   * @throws UserError where the model can't be quantized
   */
  quantize(
    kind: Quantization,
    seeds: readonly TestcaseData[],
    half?: HalfSettings,
    onShare?: (share: number) => void,
  ): Promise<ModelFiles> {
    return this.#call('quantizing it', () =>
      this.#process.call('deriveQuantizedModel', { kind, seeds, half }, LOAD_TIMEOUT_MS, onShare),
    );
  }

  close(): void {
    this.#process.kill();
  }

  /** Tries the first testcase, alone and in a batch of two, so that a model without a batch is run row by row. */
  async #probe([first]: readonly TestcaseData[], tensors: readonly string[]): Promise<void> {
    if (first === undefined) return;
    await this.#call('the first seed', () =>
      this.#process.call('probe', { testcase: first, tensors }, LOAD_TIMEOUT_MS),
    );
  }

  /** Tries the first explained input with the scores. */
  #probeExplained({
    inputs,
    context: { scores },
  }: Pick<ExplainRequest, 'inputs' | 'context'>): Promise<void> {
    return this.#probe(
      inputs.slice(0, 1).map(({ data }) => data),
      this.info.outputs.includes(scores) ? [] : [scores],
    );
  }

  /** Tries the first input with the scores. */
  #probeScores({ inputs, rule: { logits } }: Pick<AttackRequest, 'inputs' | 'rule'>): Promise<void> {
    const isInner = logits !== undefined && !this.info.outputs.includes(logits);
    return this.#probe(
      inputs.slice(0, 1).map(({ data }) => data),
      isInner ? [logits] : [],
    );
  }

  async #call<T>(action: string, call: () => Promise<T>): Promise<T> {
    const { path } = this.#requireLoaded();
    return refuseIfProcessDies(path, action, call);
  }

  /** @param blamed path of the model that is named where loading ends the process */
  #loadInProcess(blamed: string, path: string, options: LoadOptions): Promise<ModelDescription> {
    return refuseIfProcessDies(blamed, 'loading it', () =>
      this.#process.call('load', { path, options }, LOAD_TIMEOUT_MS),
    );
  }

  #requireLoaded() {
    if (this.#loaded === undefined) throw new Error('no model is loaded');
    return this.#loaded;
  }
}
