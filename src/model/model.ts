import type { NumericalSite } from '../analysis/numerical-sites/site.ts';
import type { DType, Tensor } from '../tensor/tensor.ts';
import type { Graph } from './graph/graph.ts';
import type { GenerationSettings, TextGeneration } from './language/generation.ts';
import type { Finiteness, RunResult } from './run-result.ts';

/** An input of a model; `null` marks a free dimension. */
export interface InputSpec {
  readonly name: string;
  readonly type: DType;
  readonly shape: readonly (number | null)[];
}

export const RUNTIMES = ['tensorflow', 'wasm', 'cpu', 'onnx'] as const;
export type RuntimeKind = (typeof RUNTIMES)[number];

/** What runs a model, and why that one. */
export interface Runtime {
  readonly kind: RuntimeKind;
  /** Library and version, as `onnxruntime-node 1.30.0`. */
  readonly version: string;
  /** What it computes on, as `CPU, SIMD`. */
  readonly device: string;
  /** Threads of one session. */
  readonly threads: number;
  /** Why this runtime, and why not a faster one; a clause for people. */
  readonly why: string;
}

export type ModelFormat = 'onnx' | 'tfjs-graph' | 'tfjs-layers' | 'saved-model';

export type { Finiteness, NamedTensor, RunResult } from './run-result.ts';

/** The second model of a pair. */
export interface SecondModel {
  readonly model: Model;
  /** Its name of each output of the reference that it has. */
  readonly outputs: ReadonlyMap<string, string>;
  /** What the reference takes, as the copy takes it. */
  feeds(own: readonly Tensor[]): Tensor[];
}

/** A saved network, loaded by one runtime. */
export interface Model {
  readonly path: string;
  readonly format: ModelFormat;
  readonly sha256: string;
  readonly runtime: Runtime;
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly string[];
  readonly graph: Graph;
  /** Names of the tensors that `run` can watch, in topological order; outputs are among them. */
  readonly watchable: readonly string[];
  /** What is run beside it, on the same tensors; absent where it is alone. */
  readonly secondModel?: SecondModel;
  /** Where the model goes on with texts: a run is of prompts and gives answers. */
  readonly generation?: TextGeneration;
  /**
   * Runs the model once.
   *
   * @param feeds one tensor for each of `inputs`, in their order, `[batch, ...shape]` where the first
   *   dimension is free
   * @param watched names out of `watchable`; with none the model runs unmodified
   * @throws Error where the runtime fails the run; the message is the runtime's own
   */
  run(feeds: readonly Tensor[], watched: readonly string[]): Promise<RunResult>;
  /**
   * Says which tensors are going to be watched, a few at a time: they then come from one session, whichever they
   * are. Absent where that makes no difference.
   */
  expose?(tensors: readonly string[]): void;
  /**
   * Runs the model once and tells which tensors hold a NaN or an infinity, without handing out their values.
   * Absent where the runtime offers nothing better than looking at them.
   *
   * @param tensors floating-point ones out of `watchable`; the same ones at each call
   */
  nonFinite?(feeds: readonly Tensor[], tensors: readonly string[]): Promise<readonly Finiteness[]>;
  /** Weights and other constants by name; undefined where there is none or it can't be read. */
  constant(name: string): Tensor | undefined;
  dispose(): Promise<void>;
}

/** A model as it is described to other processes: plain data. */
export interface ModelInfo
  extends Omit<
    Model,
    'run' | 'expose' | 'nonFinite' | 'constant' | 'dispose' | 'secondModel' | 'generation'
  > {
  readonly secondModel?: SecondModelInfo;
  readonly generation?: Pick<TextGeneration, 'sha256' | 'vocabularySize' | 'description' | 'defaultCoverage'>;
  /** Operations that can go wrong, in topological order. */
  readonly sites: readonly NumericalSite[];
}

/** The second model of a pair, as plain data. */
export interface SecondModelInfo extends Pick<Model, 'path' | 'format' | 'sha256' | 'runtime'> {
  readonly outputs: SecondModel['outputs'];
}

/** Options of loading. */
export interface LoadOptions {
  readonly runtime: RuntimeKind | 'auto';
  /** A model to run beside it on the same tensors. */
  readonly secondModel?: SecondModelOptions | undefined;
  /** Threads of a session, where the runtime has a choice; one unless told. */
  readonly threads?: number | undefined;
  /** Has the model go on with texts. */
  readonly generate?: GenerationSettings | undefined;
  /** Told after each step of a run that takes many: what it takes as a whole says nothing of whether it goes on. */
  readonly onStep?: (() => void) | undefined;
  /** Of a SavedModel: the signature to run; `serving_default`, or the only one, where none is named. */
  readonly signature?: string | undefined;
  /** Of a SavedModel: tags of the graph to load; `serve` where none are named. */
  readonly tags?: readonly string[] | undefined;
  /** Told the bytes of the model's files once they are read, before a runtime gets them. */
  readonly onModelBytes?: ((bytes: number) => void) | undefined;
}

/** How the second model of a pair is loaded. */
export interface SecondModelOptions extends Pick<LoadOptions, 'runtime' | 'signature' | 'tags'> {
  readonly path: string;
  /** Of outputs, the copy's name by the reference's; by name, then by order, where none are named. */
  readonly match?: Readonly<Record<string, string>> | undefined;
}

/** What a TensorFlow.js model's main file is called. */
export const MODEL_JSON = 'model.json';

/** What a file is, told by its first bytes; the TensorFlow.js formats are told apart by what is in the file. */
export type ModelFamily = 'onnx' | 'tfjs' | 'saved-model';

/** A way to load models of a family. */
export interface ModelLoader {
  /** @throws UserError where the file can't be loaded, MachineError where no runtime loads */
  load(path: string, options: LoadOptions): Promise<Model>;
}
