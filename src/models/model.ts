import type { Graph } from './graph/graph.ts';
import type { DType, Tensor } from './tensor.ts';

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
  /** Why this runtime, and why not a faster one; a clause for people. */
  readonly why: string;
}

export type ModelFormat = 'onnx' | 'tfjs-graph' | 'tfjs-layers';

export interface NamedTensor extends Tensor {
  readonly name: string;
}

/** What one run of a model gave: its outputs and the watched tensors, in the order asked for. */
export interface RunResult {
  readonly outputs: readonly NamedTensor[];
  readonly activations: readonly NamedTensor[];
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
  /**
   * Runs the model once.
   *
   * @param feeds one tensor for each of `inputs`, in their order, `[batch, ...shape]` where the first
   *   dimension is free
   * @param watched names out of `watchable`; with none the model runs unmodified
   * @throws Error where the runtime fails the run; the message is the runtime's own
   */
  run(feeds: readonly Tensor[], watched: readonly string[]): Promise<RunResult>;
  dispose(): Promise<void>;
}

/** Options of loading. */
export interface LoadOptions {
  readonly runtime: RuntimeKind | 'auto';
}

/** A way to load models of some formats. */
export interface ModelLoader {
  readonly name: string;
  /** Whether the file is of this loader's kind, told by its name and first bytes. */
  recognises(path: string, head: Uint8Array): boolean;
  /** @throws UserError where the file can't be loaded, MachineError where no runtime loads */
  load(path: string, options: LoadOptions): Promise<Model>;
}
