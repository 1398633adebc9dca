import { createRequire } from 'node:module';
import type * as ort from 'onnxruntime-node';
import { UserError } from '../../../core/errors.ts';
import { isDType, readNumber, type Tensor } from '../../../tensor/tensor.ts';
import { bodyTensorsOf, computedTensors, type Graph } from '../../graph/graph.ts';
import type {
  FinitenessVerdicts,
  InputInvariants,
  InputSpec,
  Model,
  ModelCapabilities,
  NamedTensor,
  NonFiniteFlags,
  RunResult,
  Runtime,
} from '../../model.ts';
import { exposedName, exposeInBodies } from './control-flow/expose-bodies.ts';
import { exposeOnnxTensors } from './expose-tensors.ts';
import { type FlaggedTensors, flagTensors } from './flag-tensors.ts';
import { moveAxesBehindFirst } from './move-axes.ts';
import { fromOrt, toOrt } from './ort-tensor.ts';
import { SessionCache } from './session-cache.ts';

const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };

export const ORT_VERSION = version;

/** Options for flagging all tensors: no fusion is possible then, and prepacked weights would be a further copy of each. */
const TRACING_SESSION_OPTIONS: ort.InferenceSession.SessionOptions = {
  graphOptimizationLevel: 'disabled',
  enableCpuMemArena: false,
  extra: { session: { disable_prepacking: '1' } },
};

/**
 * Exposed tensors from which on operator fusion hardly applies: graph optimization is skipped, since it would cost more
 * than it saves.
 */
const MAX_FUSED_EXPOSED_TENSORS = 1000;

/** Opens a session on the bytes of a model, or of one derived from it. */
export type OpenSession = (
  bytes: Uint8Array,
  options?: ort.InferenceSession.SessionOptions,
) => Promise<ort.InferenceSession>;

export interface OnnxModelParts {
  readonly path: string;
  readonly sha256: string;
  readonly threads: number;
  /** The file that sessions are derived from in which inner tensors are observed. */
  readonly observed: Uint8Array;
  /** What those sessions rely on. */
  readonly invariants: InputInvariants;
  readonly graph: Graph;
  readonly constant: Model['constant'];
  readonly open: OpenSession;
  /** Session of the unmodified model. */
  readonly plain: ort.InferenceSession;
}

interface OpenFlags extends Omit<FlaggedTensors, 'bytes'> {
  readonly session: ort.InferenceSession;
}

/** An ONNX model: the session of the file as it is, and those derived from it in which inner tensors are observed. */
export class OnnxModel implements Model, NonFiniteFlags {
  readonly path: string;
  readonly format = 'onnx';
  readonly sha256: string;
  readonly runtime: Runtime;
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly string[];
  readonly graph: Graph;
  readonly watchable: readonly string[];
  readonly capabilities: ModelCapabilities;
  readonly constant: Model['constant'];
  readonly #observed: Uint8Array;
  readonly #invariants: InputInvariants;
  readonly #open: OpenSession;
  readonly #sessions: SessionCache;
  /** Session in which all floating-point tensors are flagged. */
  #flags: Promise<OpenFlags> | undefined;

  constructor({ path, sha256, threads, observed, invariants, graph, constant, open, plain }: OnnxModelParts) {
    this.path = path;
    this.sha256 = sha256;
    this.runtime = {
      kind: 'onnx',
      version: `onnxruntime-node ${ORT_VERSION}`,
      device: 'CPU',
      threads,
      why: 'ONNX models run on ONNX Runtime (CPU)',
    };
    this.inputs = plain.inputMetadata.map((metadata) => inputSpec(metadata, path));
    this.outputs = numericOutputs(plain.outputMetadata, path);
    this.graph = graph;
    this.watchable = [...new Set(computedTensors(graph))];
    this.constant = constant;
    this.#observed = observed;
    this.#invariants = invariants;
    this.#open = open;
    this.#sessions = new SessionCache(plain, this.outputs, (exposed) =>
      open(exposeTensors(observed, exposed, graph), fusionOptions(exposed.length)),
    );
    this.capabilities = { nonFiniteFlags: this, tensorExposure: this.#sessions };
  }

  async run(feeds: readonly Tensor[], watched: readonly string[]): Promise<RunResult> {
    if (watched.length > 0) this.#checkInvariants(feeds);
    const session = await this.#sessions.sessionFor(watched);
    const bodyTensors = bodyTensorsOf(this.graph);
    const resultName = (name: string): string => exposedName(name, bodyTensors.get(name)?.depth ?? 0);
    const wanted = [...new Set([...this.outputs, ...watched.map(resultName)])];
    const results = await session.run(this.#namedFeeds(feeds), wanted);
    const pick = (name: string): NamedTensor =>
      moveAxesBehindFirst(fromOrt(name, results[resultName(name)]), bodyTensors.get(name)?.loops ?? 0);
    return { outputs: this.outputs.map(pick), activations: watched.map(pick) };
  }

  async nonFinite(feeds: readonly Tensor[], tensors: readonly string[]): Promise<FinitenessVerdicts> {
    this.#flags ??= this.#openFlags(tensors);
    this.#checkInvariants(feeds);
    const { session, read, outputs } = await this.#flags;
    return read(await session.run(this.#namedFeeds(feeds), outputs));
  }

  async #openFlags(tensors: readonly string[]): Promise<OpenFlags> {
    const { bytes, outputs, read } = flagTensors(this.#observed, tensors, bodyTensorsOf(this.graph));
    return { session: await this.#open(bytes, TRACING_SESSION_OPTIONS), outputs, read };
  }

  async dispose(): Promise<void> {
    await this.#sessions.dispose();
    await (await this.#flags?.catch(() => undefined))?.session.release();
    this.#flags = undefined;
  }

  /** @throws Error where an input is another than branches were chosen for */
  #checkInvariants(feeds: readonly Tensor[]): void {
    const { values, shapes } = this.#invariants;
    this.inputs.forEach(({ name }, i) => {
      const { type, data, shape } = feeds[i];
      const hasValue = values[name]?.values.every((value, k) => readNumber(type, data, k) === value) ?? true;
      const hasShape = shapes[name]?.every((size, axis) => size === null || shape[axis] === size) ?? true;
      if (hasValue && hasShape) return;
      const part = hasShape ? 'value' : 'shape';
      throw new Error(`input ${name} has another ${part} than the model's branches were chosen for`);
    });
  }

  #namedFeeds(feeds: readonly Tensor[]): Record<string, ort.Tensor> {
    return Object.fromEntries(this.inputs.map(({ name }, i) => [name, toOrt(feeds[i])]));
  }
}

/** The file with further outputs: tensors of the graph and of its bodies. */
function exposeTensors(bytes: Uint8Array, tensors: readonly string[], graph: Graph): Uint8Array {
  const bodyTensors = bodyTensorsOf(graph);
  const inBodies = tensors.filter((name) => bodyTensors.has(name));
  return exposeOnnxTensors(
    exposeInBodies(bytes, inBodies, graph.types),
    tensors.map((name) => exposedName(name, bodyTensors.get(name)?.depth ?? 0)),
  );
}

function fusionOptions(exposed: number): ort.InferenceSession.SessionOptions {
  return exposed > MAX_FUSED_EXPOSED_TENSORS ? { graphOptimizationLevel: 'disabled' } : {};
}

/** Outputs of numbers: text and maps, as classifiers of scikit-learn give them, are left out. */
function numericOutputs(metadata: readonly ort.InferenceSession.ValueMetadata[], path: string): string[] {
  const numeric = metadata.filter((output) => output.isTensor && isDType(output.type));
  if (numeric.length === 0)
    throw new UserError(`${path} has no output of numbers, so there is nothing to look at`);
  return numeric.map(({ name }) => name);
}

/** Names that exporters write for any size that they don't know: equal ones say nothing. */
const UNKNOWN_SIZE_PATTERN = /^(?:\?|none|unk|unknown|-1)?$/i;

function inputSpec(metadata: ort.InferenceSession.ValueMetadata, path: string): InputSpec {
  const { name } = metadata;
  if (!metadata.isTensor || !isDType(metadata.type)) {
    const kind = metadata.isTensor ? metadata.type : 'no tensor';
    throw new UserError(`${path}: input ${name} is ${kind}; only inputs of numbers can be fuzzed`);
  }
  const dimensions = metadata.shape.map((size) =>
    typeof size === 'string' && !UNKNOWN_SIZE_PATTERN.test(size) ? size : null,
  );
  return {
    name,
    type: metadata.type,
    shape: metadata.shape.map((dimension) => (typeof dimension === 'number' ? dimension : null)),
    ...(dimensions.every((dimension) => dimension === null) ? {} : { dimensions }),
  };
}
