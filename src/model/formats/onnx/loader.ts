import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import * as ort from 'onnxruntime-node';
import { errorMessage, UserError } from '../../../core/errors.ts';
import { isDType, type Tensor } from '../../../tensor/tensor.ts';
import { computedTensors, type Graph } from '../../graph/graph.ts';
import type {
  Finiteness,
  InputSpec,
  Model,
  ModelCapabilities,
  ModelLoader,
  NamedTensor,
  NonFiniteFlags,
  RunResult,
  Runtime,
} from '../../model.ts';
import { readUnpacked } from '../confined-path.ts';
import { exposeOnnxTensors, flagOnnxTensors, flagOutputNames } from './expose-tensors.ts';
import { readExternalFiles } from './external-data.ts';
import { MAX_ONNX_BYTES, readOnnx } from './graph.ts';
import { firstNumber, fromOrt, toOrt } from './ort-tensor.ts';
import { SessionCache } from './session-cache.ts';

const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };

/** One thread a session: two single-threaded sessions beat one with two threads, and rows stay bit-equal. */
const SESSION_OPTIONS: ort.InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  logSeverityLevel: 4,
};

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
type OpenSession = (
  bytes: Uint8Array,
  options?: ort.InferenceSession.SessionOptions,
) => Promise<ort.InferenceSession>;

/** ONNX models on ONNX Runtime's CPU provider. */
export const onnxLoader: ModelLoader = {
  async load(path, options) {
    if (options.runtime !== 'auto' && options.runtime !== 'onnx') {
      throw new UserError(
        `--runtime ${options.runtime} cannot run ${path}, an ONNX model: leave it out or use onnx`,
      );
    }
    const bytes = await readUnpacked(path, MAX_ONNX_BYTES);
    if (bytes.length === 0) throw new UserError(`${path} is empty: export or copy the model again`);
    const { graph, external, constant } = readOnnx(bytes, path);
    const externalData = await readExternalFiles(external, path);
    options.onModelBytes?.(externalData.reduce((sum, { data }) => sum + data.length, bytes.length));
    const threads = options.threads ?? 1;
    const open: OpenSession = (modelBytes, further = {}) =>
      ort.InferenceSession.create(modelBytes, {
        ...SESSION_OPTIONS,
        intraOpNumThreads: threads,
        externalData,
        ...further,
      });
    const hash = createHash('sha256').update(bytes);
    for (const { data } of externalData) hash.update(data);
    return new OnnxModel({
      path,
      sha256: hash.digest('hex'),
      threads,
      bytes,
      graph,
      constant,
      open,
      plain: await openPlain(path, bytes, open),
    });
  },
};

async function openPlain(path: string, bytes: Uint8Array, open: OpenSession): Promise<ort.InferenceSession> {
  try {
    return await open(bytes);
  } catch (error) {
    throw new UserError(`ONNX Runtime ${version} cannot load ${path}: ${errorMessage(error)}`);
  }
}

interface OnnxModelParts {
  readonly path: string;
  readonly sha256: string;
  readonly threads: number;
  readonly bytes: Uint8Array;
  readonly graph: Graph;
  readonly constant: Model['constant'];
  readonly open: OpenSession;
  /** Session of the unmodified model. */
  readonly plain: ort.InferenceSession;
}

class OnnxModel implements Model, NonFiniteFlags {
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
  readonly #bytes: Uint8Array;
  readonly #open: OpenSession;
  readonly #sessions: SessionCache;
  /** Session in which all floating-point tensors are flagged. */
  #flagSession: Promise<ort.InferenceSession> | undefined;

  constructor({ path, sha256, threads, bytes, graph, constant, open, plain }: OnnxModelParts) {
    this.path = path;
    this.sha256 = sha256;
    this.runtime = {
      kind: 'onnx',
      version: `onnxruntime-node ${version}`,
      device: 'CPU',
      threads,
      why: 'ONNX models run on ONNX Runtime (CPU)',
    };
    this.inputs = plain.inputMetadata.map((metadata) => inputSpec(metadata, path));
    this.outputs = numericOutputs(plain.outputMetadata, path);
    this.graph = graph;
    this.watchable = [...new Set(computedTensors(graph))];
    this.constant = constant;
    this.#bytes = bytes;
    this.#open = open;
    this.#sessions = new SessionCache(plain, this.outputs, (exposed) =>
      open(exposeOnnxTensors(bytes, exposed), fusionOptions(exposed.length)),
    );
    this.capabilities = { nonFiniteFlags: this, tensorExposure: this.#sessions };
  }

  async run(feeds: readonly Tensor[], watched: readonly string[]): Promise<RunResult> {
    const session = await this.#sessions.sessionFor(watched);
    const wanted = [...new Set([...this.outputs, ...watched])];
    const results = await session.run(this.#namedFeeds(feeds), wanted);
    const pick = (name: string): NamedTensor => fromOrt(name, results[name]);
    return { outputs: this.outputs.map(pick), activations: watched.map(pick) };
  }

  async nonFinite(feeds: readonly Tensor[], tensors: readonly string[]): Promise<readonly Finiteness[]> {
    this.#flagSession ??= this.#open(flagOnnxTensors(this.#bytes, tensors), TRACING_SESSION_OPTIONS);
    const session = await this.#flagSession;
    const flagNames = tensors.map((_, i) => flagOutputNames(i));
    const results = await session.run(this.#namedFeeds(feeds), flagNames.flat());
    const isSet = (name: string): boolean => Number.isNaN(firstNumber(results[name]));
    return flagNames.map(([nonFinite, nan]) => (!isSet(nonFinite) ? 'finite' : isSet(nan) ? 'nan' : 'inf'));
  }

  async dispose(): Promise<void> {
    await this.#sessions.dispose();
    await (await this.#flagSession?.catch(() => undefined))?.release();
    this.#flagSession = undefined;
  }

  #namedFeeds(feeds: readonly Tensor[]): Record<string, ort.Tensor> {
    return Object.fromEntries(this.inputs.map(({ name }, i) => [name, toOrt(feeds[i])]));
  }
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

function inputSpec(metadata: ort.InferenceSession.ValueMetadata, path: string): InputSpec {
  const { name } = metadata;
  if (!metadata.isTensor || !isDType(metadata.type)) {
    const kind = metadata.isTensor ? metadata.type : 'no tensor';
    throw new UserError(`${path}: input ${name} is ${kind}; only inputs of numbers can be fuzzed`);
  }
  return {
    name,
    type: metadata.type,
    shape: metadata.shape.map((dimension) => (typeof dimension === 'number' ? dimension : null)),
  };
}
