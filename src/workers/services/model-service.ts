/** The process of a `ModelSession`: holds one model, or a pair, for commands that fuzz nothing. */

import {
  type AttentionMeasures,
  type AttentionRequest,
  measureAttention,
} from '../../analysis/attention/measure-attention.ts';
import { describeModel, type ModelDescription } from '../../analysis/describe-model.ts';
import { compareSpectra, type WeightComparison } from '../../analysis/spectral/compare-spectra.ts';
import { measureSpectra, type Spectra } from '../../analysis/spectral/measure-spectra.ts';
import { type PairsRequest, type SeenGain, seenGain } from '../../analysis/spectral/seen-gain.ts';
import type { AttackOutcome } from '../../attacks/attack.ts';
import { type AttackRequest, findGradientRefusal, runAttack } from '../../attacks/run-attack.ts';
import { measureSlopes, type SlopeFacts, type SlopeFactsRequest } from '../../audit/slopes.ts';
import { type SurrogateRequest, trainSurrogate } from '../../audit/surrogate.ts';
import { neuronLayout } from '../../coverage/neurons.ts';
import { comparePair, type ModelComparison } from '../../evaluation/compare-pair.ts';
import {
  type CoverageMeasurements,
  type CoverageRequest,
  measureCoverage,
} from '../../evaluation/measure-coverage.ts';
import { measurePairNoise } from '../../evaluation/pair-noise.ts';
import { byteLengthOf, type TestcaseData } from '../../inputs/testcase.ts';
import { BatchedModel, type BatchResult } from '../../model/batched-model.ts';
import type { HalfSettings } from '../../model/half.ts';
import { type InferredShapes, inferShapes } from '../../model/infer-shapes.ts';
import { largestMagnitudes } from '../../model/largest-magnitudes.ts';
import type { LoadOptions } from '../../model/model.ts';
import type { PairNoise } from '../../model/pair-noise.ts';
import type { ModelFiles, Quantization } from '../../model/quantize/kind.ts';
import { groupIntoBatches, packBatch } from '../../model/testcase-batch.ts';
import { makeObjective } from '../../objectives/registry.ts';
import { ProgramOracle, type ProgramRun } from '../../reprogram/program-oracle.ts';
import { type TrainedProgram, type TrainRequest, trainProgram } from '../../reprogram/train-program.ts';
import {
  type ExplainRequest,
  type Explanations,
  explainInputs,
  type MethodRefusals,
  refusedMethods,
} from '../../saliency/explain.ts';
import { type RandomizeRequest, randomizeModel } from '../../saliency/randomize/randomize-model.ts';
import { type AnswerRequest, type Answers, answerGames } from '../../tournament/answers.ts';
import { type PackedRequest, runPacked } from '../../tournament/run-packed.ts';
import { deriveFromLoadedModel } from '../derive-from-loaded-model.ts';
import { limitRuns, loadWithinLimits, withinFirstRunLimits, withinLimits } from '../load-within-limits.ts';
import { probeTensors } from '../probe-tensors.ts';
import { heartbeat, serve } from '../rpc-server.ts';
import { tryRun } from '../try-run.ts';
import type { ProbeResult } from '../worker-setup.ts';

/** Tensors of one batch, `[rows, ...shape]` each. */
export type BatchOutputs = Pick<BatchResult, 'rows' | 'outputs' | 'activations' | 'secondOutputs'>;

/** Testcases to compare two models on, and how much to report. */
export interface ComparisonRequest {
  readonly testcases: readonly TestcaseData[];
  /** Spec of the objective that decides which outputs disagree. */
  readonly objective: string;
  /** Testcases that are listed. */
  readonly maxListed: number;
  /** Decibels below which a layer counts as diverged. */
  readonly divergenceDecibels: number;
  /** Whether there is memory for a further session of each model. */
  readonly hasMemory: boolean;
}

/** Test sets to measure, by criteria that suit the model. */
export type CoverageMeasurement = Omit<CoverageRequest, 'maxRows'>;

/** What is measured of weights. */
export interface SpectraRequest {
  /** Shows the sizes of tensors; undefined where the model runs on none that was tried. */
  readonly testcase: TestcaseData | undefined;
  /** Pairs for the lower bound of the gain; undefined for none. */
  readonly pairs: PairsRequest | undefined;
}

/** What weights do to lengths, and how far the model's logits were seen to move. */
export interface MeasuredSpectra extends Spectra {
  readonly seen: SeenGain | null;
}

/** Testcases of one run. */
const BATCH_ROWS = 64;

let loaded: BatchedModel | undefined;
let loadedWith: LoadOptions | undefined;
let modelBytes = 0;

function requireModel(): BatchedModel {
  if (loaded === undefined) throw new Error('no model is loaded');
  return loaded;
}

/** Testcases that the noise of a pair is measured on. */
const NOISE_TESTCASES = 16;

function noiseOn(testcases: readonly TestcaseData[], hasMemory: boolean): Promise<PairNoise> {
  const model = requireModel();
  const options = loadedWith;
  if (options === undefined) throw new Error('no model is loaded');
  return measurePairNoise(
    model,
    (threads) => loadWithinLimits(model.model.path, { ...options, threads }),
    { testcases, hasMemory },
    heartbeat,
  );
}

const methods = {
  async load({
    path,
    options,
  }: {
    readonly path: string;
    readonly options: LoadOptions;
  }): Promise<ModelDescription> {
    await loaded?.model.dispose();
    loaded = undefined;
    const onModelBytes = (bytes: number): void => {
      modelBytes = bytes;
    };
    const model = await loadWithinLimits(path, { ...options, onModelBytes });
    loaded = new BatchedModel(model);
    loadedWith = options;
    return describeModel(model);
  },

  /** Shapes of tensors in a run on zeros, within the limits of loading: declared sizes may be any. */
  shapes: ({
    tensors,
    sizes,
  }: {
    readonly tensors: readonly string[];
    readonly sizes: Readonly<Record<string, readonly number[]>>;
  }): Promise<InferredShapes> => {
    const { model } = requireModel();
    return withinLimits((allow) => {
      allow(modelBytes);
      return inferShapes(model, tensors, sizes);
    });
  },

  tryRun: (testcase: TestcaseData): Promise<string | undefined> =>
    withinFirstRunLimits(byteLengthOf(testcase), () => tryRun(requireModel().model, testcase)),

  /** How large the values of tensors are in a run of a testcase, and whether two share a run that watches them. */
  probeTensors: ({
    testcase,
    tensors,
  }: {
    readonly testcase: TestcaseData;
    readonly tensors: readonly string[];
  }): Promise<ProbeResult> =>
    withinFirstRunLimits(2 * byteLengthOf(testcase), () =>
      probeTensors(new BatchedModel(requireModel().model), [testcase, testcase], tensors),
    ),

  /** Tries a testcase alone and twice in a batch: another one may fail for its own values. */
  probe: async ({
    testcase,
    tensors,
  }: {
    readonly testcase: TestcaseData;
    readonly tensors: readonly string[];
  }): Promise<void> => {
    const model = requireModel();
    await withinFirstRunLimits(2 * byteLengthOf(testcase), () =>
      model.probe(packBatch([testcase, testcase]), tensors),
    );
    limitRuns(BATCH_ROWS * byteLengthOf(testcase));
  },

  /** Runs testcases batch by batch. */
  run: async ({
    testcases,
    tensors,
  }: {
    readonly testcases: readonly TestcaseData[];
    readonly tensors: readonly string[];
  }): Promise<BatchOutputs[]> => {
    const model = requireModel();
    const maxRows = Math.min(BATCH_ROWS, model.maxBatchSize);
    const results: BatchOutputs[] = [];
    for (const batch of groupIntoBatches(testcases, ({ form }) => form, maxRows)) {
      const result = await model.run(packBatch(batch), batch.length, tensors);
      const { rows, outputs, activations, secondOutputs } = result;
      results.push({ rows, outputs, activations, ...(secondOutputs && { secondOutputs }) });
      heartbeat();
    }
    return results;
  },

  /** The largest magnitude of each tensor over testcases. */
  largestMagnitudes: ({
    testcases,
    tensors,
  }: {
    readonly testcases: readonly TestcaseData[];
    readonly tensors: readonly string[];
  }): Promise<ReadonlyMap<string, number>> =>
    largestMagnitudes(requireModel(), testcases, tensors, heartbeat),

  /** Largest singular values of the weights, and bounds on how far the logits move. */
  measureSpectra: async ({ testcase, pairs }: SpectraRequest): Promise<MeasuredSpectra> => {
    const model = requireModel();
    const spectra = await measureSpectra(model, testcase, heartbeat);
    const seen = pairs && (await seenGain(model, spectra.gain.tensor, pairs, BATCH_ROWS, heartbeat));
    return { ...spectra, seen: seen ?? null };
  },

  /** What the heads of attention do with testcases. */
  measureAttention: (request: AttentionRequest): Promise<AttentionMeasures> =>
    measureAttention(requireModel(), request, heartbeat),

  /** How far the weights of the second model differ. */
  compareSpectra: (testcase: TestcaseData | undefined): Promise<WeightComparison> =>
    compareSpectra(requireModel(), testcase, heartbeat),

  compare: async ({
    testcases,
    objective,
    maxListed,
    divergenceDecibels,
    hasMemory,
  }: ComparisonRequest): Promise<ModelComparison> => {
    const objectiveToJudge = await makeObjective(objective);
    const model = requireModel();
    const noise =
      objectiveToJudge.tellsTies === true
        ? await noiseOn(testcases.slice(0, NOISE_TESTCASES), hasMemory)
        : {};
    return comparePair(
      model.withNoise(noise),
      testcases,
      objectiveToJudge,
      { most: maxListed, bound: divergenceDecibels },
      heartbeat,
    );
  },

  measureCoverage: (request: CoverageMeasurement): Promise<CoverageMeasurements> => {
    const model = requireModel();
    const settings = { ...request.settings, layout: neuronLayout(model.model) };
    return measureCoverage(model, { ...request, settings, maxRows: BATCH_ROWS }, heartbeat);
  },

  /** Attacks some inputs. */
  attack: (request: AttackRequest): Promise<readonly AttackOutcome[]> =>
    runAttack(requireModel(), request, BATCH_ROWS, heartbeat),

  /** Plays games of a tournament. */
  answerGames: (request: AnswerRequest): Promise<Answers> =>
    answerGames(requireModel(), request, BATCH_ROWS, heartbeat),

  /** Runs a batch, and returns one output. */
  runPacked: (request: PackedRequest): Promise<Float32Array> =>
    runPacked(requireModel(), request, BATCH_ROWS, heartbeat),

  /** Why the attacked input has no gradient; undefined where it has one. */
  gradientRefusal: (request: Omit<AttackRequest, 'attack'>): Promise<string | undefined> =>
    findGradientRefusal(requireModel(), request),

  measureSlopes: (request: SlopeFactsRequest): Promise<readonly SlopeFacts[]> =>
    measureSlopes(requireModel(), request, BATCH_ROWS, heartbeat),

  /** Trains a network on the model's answers; the bytes of its ONNX file. */
  trainSurrogate: (request: SurrogateRequest): Promise<Uint8Array> =>
    trainSurrogate(requireModel(), request, BATCH_ROWS, heartbeat),

  /** Trains one change for all inputs from one start; see `trainProgram`. */
  trainProgram: (request: TrainRequest): Promise<TrainedProgram> =>
    trainProgram(requireModel(), request, BATCH_ROWS, heartbeat),

  /** Logits of inputs with a program in them. */
  runProgram: ({ inputs, weights, strength, offsets, ...options }: ProgramRun): Promise<Float64Array[]> =>
    new ProgramOracle(requireModel(), { ...options, maxRows: BATCH_ROWS }).logits(
      inputs,
      weights,
      { ...(strength === undefined ? {} : { strength }), ...(offsets === undefined ? {} : { offsets }) },
      heartbeat,
    ),

  /** Maps of what the score of a class depends on, by each method. */
  explain: (request: ExplainRequest): Promise<Explanations> =>
    explainInputs(requireModel(), request, BATCH_ROWS, heartbeat),

  /** Methods that the model does not allow, and why. */
  refusedMethods: (
    request: Pick<ExplainRequest, 'inputs' | 'methods' | 'context'>,
  ): Promise<MethodRefusals> => refusedMethods(requireModel(), request),

  /** A copy of a model, which need not be the loaded one, with other weights. */
  randomize: (request: RandomizeRequest): Promise<ModelFiles> => randomizeModel(request),

  deriveQuantizedModel: async ({
    kind,
    seeds,
    half,
  }: {
    readonly kind: Quantization;
    readonly seeds: readonly TestcaseData[];
    readonly half?: HalfSettings | undefined;
  }): Promise<ModelFiles> => {
    const { model } = requireModel();
    const [first] = seeds;
    // Calibrating is its first run.
    if (first !== undefined) await withinFirstRunLimits(byteLengthOf(first), () => tryRun(model, first));
    return deriveFromLoadedModel(model, kind, seeds, half);
  },
};

export type ModelApi = typeof methods;

serve(methods);
