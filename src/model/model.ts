import type { DType, Tensor } from '../tensor/tensor.ts';
import type { Differentiable } from './gradients/gradient.ts';
import type { Graph } from './graph/graph.ts';
import type { HalfArithmetic, HalfChoice } from './half.ts';
import type { InputEvidence } from './input-evidence.ts';
import type { GenerationSettings, TextGeneration } from './language/generation.ts';
import type { Finiteness, RunResult } from './run-result.ts';

/** What a model's graph says about an input of strings. */
export interface StringInput {
  /** Strings that the graph compares the input with, in ascending order: categories, keys, words of n-grams. */
  readonly pool: readonly string[];
  /** Whether the model splits the strings into words, so that those of the pool are parts of them. */
  readonly areTexts: boolean;
}

/** An input of a model; `null` marks a free dimension. */
export interface InputSpec {
  readonly name: string;
  readonly type: DType;
  readonly shape: readonly (number | null)[];
  /** Names of the free dimensions, null for those without; equal names are equal sizes. Absent where there are none. */
  readonly dimensions?: readonly (string | null)[];
  /** A testcase is the whole input, although fixed sizes make its first dimension 1. */
  readonly isWhole?: true;
  /**
   * Present for an input of strings. Its values, of type uint32, are code points, and the last dimension is the length of
   * a string, which zeros fill up.
   */
  readonly strings?: StringInput;
}

/** An output that a model has and `run` does not give. */
export interface OmittedOutput {
  readonly name: string;
  /** A clause for messages. */
  readonly reason: string;
}

export const RUNTIMES = ['tensorflow', 'wasm', 'cpu', 'onnx'] as const;
export type RuntimeKind = (typeof RUNTIMES)[number];

/** The library that runs a model. */
export interface Runtime {
  readonly kind: RuntimeKind;
  /** Library and version, as `onnxruntime-node 1.30.0`. */
  readonly version: string;
  /** Compute device, as `CPU, SIMD`. */
  readonly device: string;
  /** Threads of one session. */
  readonly threads: number;
  /** Reason for choosing this runtime over a faster one; a clause for messages. */
  readonly why: string;
}

export type ModelFormat = 'onnx' | 'tfjs-graph' | 'tfjs-layers' | 'saved-model';

export type { Finiteness, NamedTensor, RunResult } from './run-result.ts';

/** The second model of a pair (differential testing). */
export interface SecondModel {
  readonly model: Model;
  /** The second model's output for each output of the reference that has a counterpart. */
  readonly outputs: ReadonlyMap<string, string>;
  /** Converts the reference's feeds to the order and types of the second model's inputs. */
  feeds(reference: readonly Tensor[]): Tensor[];
}

/** Capability to tell which tensors hold a NaN or an infinity without reading out their values. */
export interface NonFiniteFlags {
  /**
   * Runs the model once.
   *
   * @param tensors floating-point ones out of `watchable` and of bodies; the same ones at each call
   */
  nonFinite(feeds: readonly Tensor[], tensors: readonly string[]): Promise<FinitenessVerdicts>;
}

/**
 * A verdict for each tensor. Of a body that ran several times they are those of one iteration: the first in which
 * something is not finite, or is NaN.
 */
export interface FinitenessVerdicts {
  readonly first: ReadonlyMap<string, Finiteness>;
  readonly firstNan: ReadonlyMap<string, Finiteness>;
}

/** Capability to expose in bulk the tensors that will be watched in changing subsets, so that one session serves all. */
export interface TensorExposure {
  expose(tensors: readonly string[]): void;
}

/** Capability to run the graph as its file has it, where the runtime optimises it otherwise. */
export interface UnoptimizedRun {
  /**
   * Runs the model, and the second one of a pair.
   *
   * @returns the outputs, none of a model of the pair that has no such run
   * @throws Error if the runtime fails the run; the message is the runtime's own
   */
  run(feeds: readonly Tensor[]): Promise<Pick<RunResult, 'outputs' | 'secondOutputs'>>;
}

/** Capability to run the model on several threads, where it usually has one. */
export interface ThreadedRun {
  /** @throws Error if the runtime fails the run; the message is the runtime's own */
  run(feeds: readonly Tensor[]): Promise<Pick<RunResult, 'outputs'>>;
}

/** Capability to watch the means of feature maps in place of their values, which are many more. */
export interface MapMeans {
  /** The name under which the mean of each of a tensor's feature maps can be watched, one number a map; undefined if it has none. */
  meanOf(tensor: string): string | undefined;
}

/** Abilities that not every runtime or model has. A new one is another optional member here, with an interface of its own. */
export interface ModelCapabilities {
  readonly nonFiniteFlags?: NonFiniteFlags;
  readonly tensorExposure?: TensorExposure;
  readonly unoptimizedRun?: UnoptimizedRun;
  readonly threadedRun?: ThreadedRun;
  readonly gradients?: Differentiable;
  readonly mapMeans?: MapMeans;
  /** Of a language model: `run` takes prompts and gives answers. */
  readonly textGeneration?: TextGeneration;
}

/** A saved network, loaded by one runtime. */
export interface Model {
  readonly path: string;
  readonly format: ModelFormat;
  readonly sha256: string;
  readonly runtime: Runtime;
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly string[];
  /** Outputs that hold neither numbers nor strings with known values. */
  readonly omittedOutputs?: readonly OmittedOutput[];
  /**
   * Names of classes, by output: of the indices that an output of integers holds, or of the last axis of an output of
   * floats. An index of −1 stands for a name that is not among them.
   */
  readonly classes?: ReadonlyMap<string, readonly string[]>;
  /** How it computes in half precision, where that is emulated; undefined for other models. */
  readonly half?: HalfArithmetic;
  readonly graph: Graph;
  /** Names of the tensors that `run` can watch, in topological order; outputs are among them. */
  readonly watchable: readonly string[];
  /** Whether only outputs are seen: see `hideTensors`; absent for false. */
  readonly hidesTensors?: true;
  /** Second model evaluated on the same inputs (differential testing); undefined for a single model. */
  readonly secondModel?: SecondModel;
  readonly capabilities: ModelCapabilities;
  /**
   * Runs the model once.
   *
   * @param feeds one tensor for each of `inputs`, in their order, `[batch, ...shape]` where the first
   *   dimension is free
   * @param watched names out of `watchable`, or of means (`MapMeans`); with none the model runs unmodified
   * @throws Error if the runtime fails the run; the message is the runtime's own
   */
  run(feeds: readonly Tensor[], watched: readonly string[]): Promise<RunResult>;
  /** A weight or another constant by name; undefined if there is none or it cannot be read. */
  constant(name: string): Tensor | undefined;
  dispose(): Promise<void>;
}

/** Description of a model as plain data, for other processes. */
export interface ModelInfo
  extends Omit<Model, 'run' | 'capabilities' | 'constant' | 'dispose' | 'secondModel'> {
  readonly secondModel?: SecondModelInfo;
  /** Whether it has the capability `gradients`; absent for false. */
  readonly isDifferentiable?: true;
  /** What the graph says of the values of each of `inputs`. */
  readonly evidence?: readonly InputEvidence[];
  readonly generation?: Pick<
    TextGeneration,
    'sha256' | 'vocabularySize' | 'description' | 'maxTokens' | 'weightsPerToken' | 'defaultCoverage'
  >;
}

/** Description of the second model of a pair, as plain data. */
export interface SecondModelInfo extends Pick<Model, 'path' | 'format' | 'sha256' | 'runtime' | 'half'> {
  readonly outputs: SecondModel['outputs'];
}

/** The value of an input, as plain data. */
export interface FixedInput {
  readonly type: DType;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** What is known of the inputs in all runs, beside what the model declares; by their names. Plain data. */
export interface InputInvariants {
  /** Inputs that have one value. */
  readonly values: Readonly<Record<string, FixedInput>>;
  /** Shapes of inputs, the batch dimension included; null where a size may differ. */
  readonly shapes: Readonly<Record<string, readonly (number | null)[]>>;
}

/** Options of loading. */
export interface LoadOptions {
  readonly runtime: RuntimeKind | 'auto';
  /** A second model to run on the same inputs. */
  readonly secondModel?: SecondModelOptions | undefined;
  /** What is known of the inputs in all runs; a branch that depends on nothing else is known then. */
  readonly invariants?: InputInvariants | undefined;
  /** Threads of a session, for runtimes that have a choice; 1 by default. */
  readonly threads?: number | undefined;
  /** Loads a next-token model as one that completes prompts. */
  readonly generate?: GenerationSettings | undefined;
  /** Progress callback, called after each step of a run of many steps, for a watchdog that would take it for a hang. */
  readonly onStep?: (() => void) | undefined;
  /** Signature of a SavedModel to run; by default `serving_default`, or the only one. */
  readonly signature?: string | undefined;
  /** Tags of the SavedModel graph to load; by default `serve`. */
  readonly tags?: readonly string[] | undefined;
  /** Loads a copy whose batch is free instead of 1; see `openBatchAxis`. ONNX alone. */
  readonly opensBatch?: boolean | undefined;
  /** Whether and how half precision is emulated, also of the second model; `off` by default. ONNX alone. */
  readonly half?: HalfChoice | undefined;
  /** Whether only its outputs are seen: see `hideTensors`. */
  readonly hidesTensors?: boolean | undefined;
  /** How many of the greatest scores are seen, 0 for the class alone: see `hideScores`. All if undefined. */
  readonly shownScores?: number | undefined;
  /** Called with the size of the model's files once they are read, before a runtime gets them. */
  readonly onModelBytes?: ((bytes: number) => void) | undefined;
}

/** Options of loading the second model of a pair. */
export interface SecondModelOptions extends Pick<LoadOptions, 'runtime' | 'signature' | 'tags'> {
  readonly path: string;
  /** The second model's output for outputs of the reference; by default matched by name, then by order. */
  readonly match?: Readonly<Record<string, string>> | undefined;
}

/** File name of a TensorFlow.js model's topology. */
export const MODEL_JSON = 'model.json';

/** Formats that differ in their first bytes; the TensorFlow.js formats are told apart by the file's content. */
export type ModelFamily = 'onnx' | 'tfjs' | 'saved-model';

/** Loads models of one family. */
export interface ModelLoader {
  /** @throws UserError if the file cannot be loaded; MachineError if no runtime starts */
  load(path: string, options: LoadOptions): Promise<Model>;
}
