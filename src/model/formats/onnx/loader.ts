import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as ort from 'onnxruntime-node';
import { errorMessage, fileError, UserError } from '../../../core/errors.ts';
import { LruCache } from '../../../core/lru-cache.ts';
import { isDType, readNumber, type Tensor, type TensorData } from '../../../tensor/tensor.ts';
import { computedTensors } from '../../graph/graph.ts';
import type { InputSpec, Model, ModelLoader, NamedTensor, Runtime } from '../../model.ts';
import { readUnpacked, resolveConfinedFile } from '../confined-path.ts';
import {
  type ExternalTensor,
  exposeOnnxTensors,
  flagOnnxTensors,
  flagOutputNames,
  readOnnx,
} from './graph.ts';

const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };

/**
 * Node.js 24 has Float16Array, which onnxruntime-node's native side cannot read: halves then go as Uint16Array,
 * as on older ones. Its JavaScript looks for Float16Array once, with the first tensor that is made.
 */
function passHalvesAsBits(): void {
  const scope = globalThis as { Float16Array?: unknown };
  const { Float16Array: hidden } = scope;
  if (hidden === undefined) return;
  try {
    scope.Float16Array = undefined;
    new ort.Tensor('float32', new Float32Array(1), [1]);
  } finally {
    scope.Float16Array = hidden;
  }
}
passHalvesAsBits();

/** One thread a session: two single-threaded sessions beat one with two threads, and rows stay bit-equal. */
const SESSION_OPTIONS: ort.InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  logSeverityLevel: 4,
};

/** Sessions that trace: nothing is left to fuse, so weights need no other layout, of which each would be a copy. */
const TRACING_SESSION_OPTIONS: ort.InferenceSession.SessionOptions = {
  graphOptimizationLevel: 'disabled',
  enableCpuMemArena: false,
  extra: { session: { disable_prepacking: '1' } },
};

/** Exposing so many tensors leaves nothing to fuse: trying takes longer than it saves. */
const MAX_FUSED_EXPOSED_TENSORS = 1000;

/** ONNX models on ONNX Runtime's CPU provider. */
export const onnxLoader: ModelLoader = {
  async load(path, options) {
    if (options.runtime !== 'auto' && options.runtime !== 'onnx') {
      throw new UserError(
        `--runtime ${options.runtime} cannot run ${path}, an ONNX model: leave it out or use onnx`,
      );
    }
    const bytes = await readUnpacked(path, MAX_FILE_BYTES);
    if (bytes.length === 0) throw new UserError(`${path} is empty: export or copy the model again`);
    const { graph, external, constant } = readOnnx(bytes, path);
    const externalData = await readExternalFiles(external, path);
    options.onModelBytes?.(externalData.reduce((sum, { data }) => sum + data.length, bytes.length));
    const open = (
      changed: Uint8Array,
      further: ort.InferenceSession.SessionOptions = {},
    ): Promise<ort.InferenceSession> =>
      ort.InferenceSession.create(changed, {
        ...SESSION_OPTIONS,
        intraOpNumThreads: options.threads ?? 1,
        externalData,
        ...further,
      });

    let plain: ort.InferenceSession;
    try {
      plain = await open(bytes);
    } catch (error) {
      throw new UserError(`ONNX Runtime ${version} cannot load ${path}: ${errorMessage(error)}`);
    }
    const inputs = plain.inputMetadata.map((meta) => inputSpec(meta, path));
    const runtime: Runtime = {
      kind: 'onnx',
      version: `onnxruntime-node ${version}`,
      device: 'CPU',
      threads: options.threads ?? 1,
      why: 'ONNX models run on ONNX Runtime (CPU)',
    };
    /** Sessions by the tensors that they expose; each holds the weights anew. */
    const sessions = new LruCache<string, ort.InferenceSession>(MAX_SESSIONS, {
      isPinned: (key, session) => session === plain || pinned.has(key),
    });
    sessions.set('[]', plain);
    const outputs = numericOutputs(plain.outputMetadata, path);
    const hash = createHash('sha256').update(bytes);
    for (const { data } of externalData) hash.update(data);

    function named(feeds: readonly Tensor[]): Record<string, ort.Tensor> {
      return Object.fromEntries(inputs.map(({ name }, i) => [name, toOrt(feeds[i])]));
    }

    async function sessionFor(extra: readonly string[]): Promise<ort.InferenceSession> {
      // What has a session of its own is not slowed down by what else is exposed.
      const isShared = !sessions.has(JSON.stringify(extra)) && extra.every((name) => exposed.has(name));
      const own = isShared ? [...exposed] : extra;
      const key = JSON.stringify(own);
      let session = sessions.get(key);
      if (session === undefined) {
        for (const unused of sessions.evict(MAX_SESSIONS - 1)) await unused.release();
        session = await open(exposeOnnxTensors(bytes, own), fusionOptions(own.length));
        sessions.set(key, session);
      }
      return session;
    }

    let exposed: ReadonlySet<string> = new Set();
    /** Sessions that were there before tensors were exposed: most batches run in one of them. */
    let pinned: ReadonlySet<string> = new Set();
    let flags: Promise<ort.InferenceSession> | undefined;

    const model: Model = {
      path,
      format: 'onnx',
      sha256: hash.digest('hex'),
      runtime,
      inputs,
      outputs,
      graph,
      watchable: [...new Set(computedTensors(graph))],
      async run(feeds, watched) {
        const session = await sessionFor(watched.filter((name) => !outputs.includes(name)));
        const wanted = [...new Set([...outputs, ...watched])];
        const results = await session.run(named(feeds), wanted);
        const pick = (name: string): NamedTensor => fromOrt(name, results[name]);
        return { outputs: outputs.map(pick), activations: watched.map(pick) };
      },
      expose(tensors) {
        pinned = new Set(sessions.keys());
        exposed = new Set(tensors.filter((name) => !outputs.includes(name)));
      },
      async nonFinite(feeds, tensors) {
        flags ??= open(flagOnnxTensors(bytes, tensors), TRACING_SESSION_OPTIONS);
        const session = await flags;
        const flagged = tensors.map((_, i) => flagOutputNames(i));
        const results = await session.run(named(feeds), flagged.flat());
        const isNaNAt = (name: string): boolean => Number.isNaN(firstNumber(results[name]));
        return flagged.map(([nonFinite, nan]) =>
          !isNaNAt(nonFinite) ? 'finite' : isNaNAt(nan) ? 'nan' : 'inf',
        );
      },
      constant,
      async dispose() {
        for (const session of sessions.values()) await session.release();
        sessions.clear();
        await (await flags?.catch(() => undefined))?.release();
        flags = undefined;
      },
    };
    return model;
  },
};

function fusionOptions(exposed: number): ort.InferenceSession.SessionOptions {
  return exposed > MAX_FUSED_EXPOSED_TENSORS ? { graphOptimizationLevel: 'disabled' } : {};
}

/** The number of a tensor of one. */
function firstNumber({ type, data }: ort.Tensor): number {
  const numeric = toTensorData(data);
  return isDType(type) ? readNumber(type, numeric, 0) : Number(numeric[0]);
}

/** Sessions of one model, each with other tensors exposed. */
const MAX_SESSIONS = 5;

/** Bytes of an ONNX file: protobuf holds no more. */
const MAX_FILE_BYTES = 2 ** 31;

interface ExternalFile {
  /** As the model names it. */
  readonly path: string;
  readonly data: Uint8Array;
}

/**
 * Reads the files beside a model that hold its weights.
 *
 * @throws UserError where one lies outside the model's folder, can't be read or is too short
 */
async function readExternalFiles(tensors: readonly ExternalTensor[], model: string): Promise<ExternalFile[]> {
  const files = new Map<string, Uint8Array>();
  for (const { tensor, location, offset, length } of tensors) {
    let data = files.get(location);
    if (data === undefined) {
      data = await readFile(await resolveConfinedFile(dirname(model), location, model)).catch(
        (error: unknown) => {
          throw error instanceof UserError ? error : fileError(error, `read, for ${model},`, location);
        },
      );
      files.set(location, data);
    }
    const sound = offset >= 0 && (length ?? 0) >= 0 && offset + (length ?? 0) <= data.length;
    if (!sound) {
      throw new UserError(
        `${model}: weight ${tensor} lies at ${offset} of ${location}, which holds ${data.length} bytes: copy both again`,
      );
    }
  }
  return [...files].map(([path, data]) => ({ path, data }));
}

/** Outputs that hold numbers: text and maps, as classifiers of scikit-learn give them, are left out. */
function numericOutputs(metadata: readonly ort.InferenceSession.ValueMetadata[], path: string): string[] {
  const numeric = metadata.filter((meta) => meta.isTensor && isDType(meta.type));
  if (numeric.length === 0)
    throw new UserError(`${path} has no output of numbers, so there is nothing to look at`);
  return numeric.map(({ name }) => name);
}

function inputSpec(meta: ort.InferenceSession.ValueMetadata, path: string): InputSpec {
  if (!meta.isTensor || !isDType(meta.type)) {
    const kind = meta.isTensor ? meta.type : 'no tensor';
    throw new UserError(`${path}: input ${meta.name} is ${kind}; only inputs of numbers can be fuzzed`);
  }
  return {
    name: meta.name,
    type: meta.type,
    shape: meta.shape.map((dimension) => (typeof dimension === 'number' ? dimension : null)),
  };
}

function toOrt({ type, shape, data }: Tensor): ort.Tensor {
  return new ort.Tensor(type, data as Float32Array, shape);
}

function fromOrt(name: string, tensor: ort.Tensor): NamedTensor {
  if (!isDType(tensor.type)) {
    throw new UserError(`tensor ${name} holds ${tensor.type}, which cannot be watched`);
  }
  return { name, type: tensor.type, shape: tensor.dims, data: toTensorData(tensor.data) };
}

/** The 16 bits of each half are what the rest of neurofuzz expects. */
function toTensorData(data: ort.Tensor['data']): TensorData {
  const array = data as TensorData;
  return array.constructor.name === 'Float16Array'
    ? new Uint16Array(array.buffer, array.byteOffset, array.length)
    : array;
}
