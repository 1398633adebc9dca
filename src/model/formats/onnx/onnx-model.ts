import { createRequire } from 'node:module';
import type * as ort from 'onnxruntime-node';
import { type DType, readNumber, type Tensor } from '../../../tensor/tensor.ts';
import { bodyTensorsOf, computedTensors, type Graph, producersByTensor } from '../../graph/graph.ts';
import { type HalfArithmetic, halfText } from '../../half.ts';
import type {
  FinitenessVerdicts,
  InputInvariants,
  InputSpec,
  Model,
  ModelCapabilities,
  NamedTensor,
  NonFiniteFlags,
  OmittedOutput,
  RunResult,
  Runtime,
} from '../../model.ts';
import { ClassLabels } from './class-labels.ts';
import { exposedName, exposeInBodies } from './control-flow/expose-bodies.ts';
import { exposeOnnxTensors } from './expose-tensors.ts';
import { type FlaggedTensors, flagTensors } from './flag-tensors.ts';
import { type RoundedTensors, runtimeTypes, withRounding } from './half/graph-rounding.ts';
import { inputSpec, usableOutputs, withIndexTypes } from './io-specs.ts';
import { exposeMapMeans, isMapMean, OnnxMapMeans } from './map-means.ts';
import { moveAxesBehindFirst } from './move-axes.ts';
import { OnnxGradients } from './onnx-gradients.ts';
import type { OpenSession } from './onnxruntime.ts';
import { toOrt, toOrtStrings } from './ort-tensor.ts';
import { SessionCache } from './session-cache.ts';
import type { StringFlow } from './string-flow.ts';

const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };

export const ORT_VERSION = version;

/** Options for tracing: the graph is run as it is, and prepacked weights would be a further copy of each. */
/** Threads of a run that is compared with one of a single thread. */
const THREADS = 4;

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

export interface OnnxModelParts {
  readonly path: string;
  readonly sha256: string;
  readonly threads: number;
  /** The file that sessions are derived from in which inner tensors are observed. */
  readonly observed: Uint8Array;
  /** What those sessions rely on. */
  readonly invariants: InputInvariants;
  readonly graph: Graph;
  /** Version of the default domain's operators. */
  readonly opset: number;
  readonly constant: Model['constant'];
  /** The model in emulated half precision, which `observed` is then; undefined for others. */
  readonly half: RoundedTensors | undefined;
  /** How a copy computes in half precision that was derived so. */
  readonly copyArithmetic: HalfArithmetic | undefined;
  /** Why half precision is not emulated although the model computes in it; undefined for other models. */
  readonly halfRefusal: string | undefined;
  readonly strings: StringFlow;
  /** Outputs of the file that were rewritten away. */
  readonly omitted: readonly OmittedOutput[];
  readonly open: OpenSession;
  /** The file as it runs with no further tensor exposed, and the session of that. */
  readonly plainFile: Uint8Array;
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
  readonly omittedOutputs: readonly OmittedOutput[];
  readonly classes: ReadonlyMap<string, readonly string[]>;
  readonly half?: HalfArithmetic;
  readonly graph: Graph;
  readonly watchable: readonly string[];
  readonly capabilities: ModelCapabilities;
  readonly constant: Model['constant'];
  readonly #observed: Uint8Array;
  readonly #invariants: InputInvariants;
  readonly #open: OpenSession;
  readonly #sessions: SessionCache;
  readonly #labels: ClassLabels;
  readonly #plainFile: Uint8Array;
  readonly #gradients: OnnxGradients;
  /** Session in which all floating-point tensors are flagged. */
  #flags: Promise<OpenFlags> | undefined;
  /** Session in which the graph is run as it is. */
  #unoptimized: Promise<ort.InferenceSession> | undefined;
  /** Session that runs on several threads. */
  #threaded: Promise<ort.InferenceSession> | undefined;

  constructor(parts: OnnxModelParts) {
    const { path, sha256, threads, observed, invariants, constant, strings, omitted } = parts;
    const { open, plain, plainFile } = parts;
    const half = parts.half?.arithmetic ?? parts.copyArithmetic;
    const graph = withRounding(withIndexTypes(parts.graph, strings), parts.half);
    this.path = path;
    this.sha256 = sha256;
    this.runtime = {
      kind: 'onnx',
      version: `onnxruntime-node ${ORT_VERSION}`,
      device: 'CPU',
      threads,
      why: ['ONNX models run on ONNX Runtime (CPU)', ...halfNotes(half, parts.halfRefusal)].join('; '),
    };
    this.inputs = plain.inputMetadata.map((metadata) => inputSpec(metadata, strings, path));
    const outputs = usableOutputs(plain.outputMetadata, strings, path);
    this.outputs = outputs.usable;
    this.omittedOutputs = [...omitted, ...outputs.omitted];
    this.#labels = new ClassLabels(strings.values);
    this.classes = new Map(
      this.outputs.flatMap((name) => {
        const names = strings.values.get(name) ?? strings.classes.get(name);
        return names === undefined ? [] : [[name, names] as const];
      }),
    );
    if (half !== undefined) this.half = half;
    this.graph = graph;
    const types = runtimeTypes(graph, parts.half);
    const isWatchable = (name: string): boolean => !strings.tensors.has(name) || strings.values.has(name);
    this.watchable = [...new Set(computedTensors(graph))].filter(isWatchable);
    this.constant = constant;
    this.#observed = observed;
    this.#invariants = invariants;
    this.#open = open;
    this.#plainFile = plainFile;
    this.#sessions = new SessionCache(plain, this.outputs, (exposed) =>
      open(exposeTensors(observed, exposed, graph, types), fusionOptions(exposed.length)),
    );
    const watchable = new Set(this.watchable);
    this.#gradients = new OnnxGradients({
      file: observed,
      graph: { ...graph, types },
      opset: parts.opset,
      constant,
      open,
      expose: (tensors) => exposeTensors(observed, tensors, graph, types),
      namedFeeds: (feeds) => this.#namedFeeds(feeds),
      isWatchable: (tensor) => watchable.has(tensor),
    });
    this.capabilities = {
      nonFiniteFlags: this,
      tensorExposure: this.#sessions,
      unoptimizedRun: { run: (feeds) => this.#runUnoptimized(feeds) },
      threadedRun: { run: (feeds) => this.#runThreaded(feeds) },
      gradients: this.#gradients,
      mapMeans: new OnnxMapMeans(graph, types),
    };
  }

  async run(feeds: readonly Tensor[], watched: readonly string[]): Promise<RunResult> {
    if (watched.length > 0) this.#checkInvariants(feeds);
    const session = await this.#sessions.sessionFor(watched);
    const bodyTensors = bodyTensorsOf(this.graph);
    const resultName = (name: string): string => exposedName(name, bodyTensors.get(name)?.depth ?? 0);
    const wanted = [...new Set([...this.outputs, ...watched.map(resultName)])];
    const results = await session.run(this.#namedFeeds(feeds), wanted);
    const pick = (name: string): NamedTensor =>
      moveAxesBehindFirst(
        this.#labels.toTensor(name, results[resultName(name)]),
        bodyTensors.get(name)?.loops ?? 0,
      );
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

  async #runUnoptimized(feeds: readonly Tensor[]): Promise<Pick<RunResult, 'outputs'>> {
    this.#unoptimized ??= this.#open(this.#plainFile, TRACING_SESSION_OPTIONS);
    return this.#runPlain(await this.#unoptimized, feeds);
  }

  async #runThreaded(feeds: readonly Tensor[]): Promise<Pick<RunResult, 'outputs'>> {
    this.#threaded ??= this.#open(this.#plainFile, { intraOpNumThreads: THREADS });
    return this.#runPlain(await this.#threaded, feeds);
  }

  async #runPlain(
    session: ort.InferenceSession,
    feeds: readonly Tensor[],
  ): Promise<Pick<RunResult, 'outputs'>> {
    const results = await session.run(this.#namedFeeds(feeds), this.outputs);
    return { outputs: this.outputs.map((name) => this.#labels.toTensor(name, results[name])) };
  }

  async dispose(): Promise<void> {
    await this.#sessions.dispose();
    await this.#gradients.dispose();
    await (await this.#flags?.catch(() => undefined))?.session.release();
    this.#flags = undefined;
    await (await this.#unoptimized?.catch(() => undefined))?.release();
    this.#unoptimized = undefined;
    await (await this.#threaded?.catch(() => undefined))?.release();
    this.#threaded = undefined;
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
    return Object.fromEntries(
      this.inputs.map(({ name, strings }, i) => [
        name,
        strings === undefined ? toOrt(feeds[i]) : toOrtStrings(feeds[i]),
      ]),
    );
  }
}

/** What is to be said of the half precision of a model. */
function halfNotes(half: HalfArithmetic | undefined, refusal: string | undefined): string[] {
  if (refusal !== undefined) return [`half precision is not emulated (${refusal})`];
  return half === undefined ? [] : [halfText(half)];
}

/** The file with further outputs: tensors of the graph and of its bodies, and means of feature maps. */
function exposeTensors(
  bytes: Uint8Array,
  tensors: readonly string[],
  graph: Graph,
  types: ReadonlyMap<string, DType>,
): Uint8Array {
  const bodyTensors = bodyTensorsOf(graph);
  const [means, values] = [tensors.filter(isMapMean), tensors.filter((name) => !isMapMean(name))];
  const inBodies = values.filter((name) => bodyTensors.has(name));
  const producers = producersByTensor(graph);
  const exposed = exposeOnnxTensors(
    exposeInBodies(bytes, inBodies, types),
    values.map((name) => exposedName(name, bodyTensors.get(name)?.depth ?? 0)),
    values.filter((name) => producers.get(name)?.op === 'Pow'),
  );
  return exposeMapMeans(exposed, means);
}

function fusionOptions(exposed: number): ort.InferenceSession.SessionOptions {
  return exposed > MAX_FUSED_EXPOSED_TENSORS ? { graphOptimizationLevel: 'disabled' } : {};
}
