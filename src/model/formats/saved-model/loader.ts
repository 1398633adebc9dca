import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { GraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import { makeTemporaryFolder } from '../../../core/atomic-file.ts';
import { errorMessage, UserError } from '../../../core/errors.ts';
import type { DType, Tensor } from '../../../tensor/tensor.ts';
import { computedTensors } from '../../graph/graph.ts';
import type { InputSpec, Model, ModelCapabilities, ModelLoader, NamedTensor } from '../../model.ts';
import { tensorNamed } from '../../run-result.ts';
import { resolveConfinedFile } from '../confined-path.ts';
import { startTfjs, switchTfjs } from '../tfjs/backend.ts';
import { TfjsGradients } from '../tfjs/gradients/tfjs-gradients.ts';
import { isAsynchronous } from '../tfjs/loader.ts';
import { fromTf, toTf } from '../tfjs/tf-tensor.ts';
import { readSavedModel, type SavedModelContent, type SignatureTensor } from './graph.ts';
import { loadAsGraphModel } from './graph-model.ts';
import { nodeNameOf } from './inline-calls.ts';

/** The part of tfjs-node's backend that runs SavedModels, which its types leave out. */
interface NativeBackend {
  loadSavedModelMetaGraph(path: string, tags: string): number;
  deleteSavedModel(session: number): void;
  runSavedModel(
    session: number,
    inputs: readonly tf.Tensor[],
    infos: readonly { readonly name: string; readonly tfDtype: string }[],
    outputs: readonly string[],
  ): tf.Tensor[];
}

/** TensorFlow's DataType numbers that the runtime takes, with the type of testcases; the runtime widens int32 to int64. */
const RUNTIME_TYPES: Readonly<Record<number, readonly [name: string, type: DType]>> = {
  1: ['DT_FLOAT', 'float32'],
  3: ['DT_INT32', 'int32'],
  4: ['DT_UINT8', 'uint8'],
  9: ['DT_INT64', 'int32'],
  10: ['DT_BOOL', 'bool'],
};

/** TensorFlow SavedModel folders, on native TensorFlow. */
export const savedModelLoader: ModelLoader = {
  async load(path, options) {
    if (options.runtime !== 'auto' && options.runtime !== 'tensorflow') {
      throw new UserError(
        `--runtime ${options.runtime} cannot run ${path}, a SavedModel: remove it or use tensorflow`,
      );
    }
    const file = await resolveConfinedFile(path, 'saved_model.pb', path);
    const bytes = await readFile(file);
    const content = readSavedModel(bytes, path, options);
    const { sha256, size } = await digestFolder(path);
    options.onModelBytes?.(size);
    let runtime: Model['runtime'];
    try {
      runtime = await startTfjs('tensorflow');
    } catch (error) {
      throw new UserError(
        `${path} is a SavedModel, which needs native TensorFlow (${errorMessage(error).replace(/^[^:]*: /, '')}): npm install @tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node, or convert it: tensorflowjs_converter --input_format=tf_saved_model ${path} ${path.replace(/\/+$/, '')}-tfjs`,
      );
    }
    return new SavedModel(path, sha256, runtime, content);
  },
};

/** Hash over the names and bytes of all files, none of which may lie outside the folder, and their size. */
async function digestFolder(folder: string): Promise<{ readonly sha256: string; readonly size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
  for (const name of names) {
    const path = await resolveConfinedFile(folder, name, folder);
    size += (await stat(path)).size;
    hash.update(`${name}\n`).update(await readFile(path));
  }
  return { sha256: hash.digest('hex'), size };
}

/** @throws Error if the active backend is not native TensorFlow */
function nativeBackend(): NativeBackend {
  const backend: object = tf.backend();
  if ('runSavedModel' in backend) return backend as NativeBackend;
  throw new Error('native TensorFlow is not the active backend');
}

class SavedModel implements Model {
  readonly path: string;
  readonly format = 'saved-model';
  readonly sha256: string;
  readonly runtime: Model['runtime'];
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly string[];
  readonly graph: SavedModelContent['graph'];
  readonly watchable: readonly string[];
  readonly capabilities: ModelCapabilities;
  readonly #content: SavedModelContent;
  readonly #backend = nativeBackend();
  readonly #inputInfos: readonly { readonly name: string; readonly tfDtype: string }[];
  readonly #plainSession: number;
  /** Session of the graph with inlined calls; opened when an inner tensor is first watched. */
  #inlinedSession: number | undefined;
  /** The model as TensorFlow.js runs it; loaded when a gradient is first asked for. */
  #graphModel: GraphModel | undefined;

  constructor(path: string, sha256: string, runtime: Model['runtime'], content: SavedModelContent) {
    const { inputs, outputs, graph, tags } = content;
    this.path = path;
    this.sha256 = sha256;
    this.runtime = { ...runtime, why: 'SavedModels run on native TensorFlow' };
    this.inputs = inputs.map((input) => inputSpec(input, path));
    this.outputs = outputs.map(({ name }) => name);
    this.graph = { ...graph, outputs: this.outputs, nodes: withSignatureOutputs(graph, this.outputs) };
    this.watchable = [...new Set(computedTensors(this.graph))];
    this.#content = content;
    this.#inputInfos = inputs.map(({ tensor, dtype }) => ({
      name: tensor,
      tfDtype: RUNTIME_TYPES[dtype][0],
    }));
    this.#plainSession = this.#openSession(path, tags);
    const gradients = new TfjsGradients({
      graph: this.graph,
      inputs: this.inputs,
      activate: async () => {
        await switchTfjs(this.runtime.kind);
        this.#graphModel ??= await this.#loadGraphModel();
      },
      run: async (feeds, watched) => (await this.run(feeds, watched)).activations,
      network: { compute: (given, wanted) => this.#compute(given, wanted), isAsynchronous },
    });
    this.capabilities = { gradients };
  }

  async run(feeds: readonly Tensor[], watched: readonly string[]) {
    const { outputs, inlinedOutputs } = this.#content;
    const inner = watched.filter((name) => !this.outputs.includes(name));
    const session = inner.length === 0 ? this.#plainSession : await this.#openInlinedSession();
    const ends = inner.length === 0 ? outputs.map(({ tensor }) => tensor) : inlinedOutputs;
    const fetched = [...ends, ...inner].map((name) => (/:\d+$/.test(name) ? name : `${name}:0`));
    const inputs = feeds.map(toTf);
    let results: tf.Tensor[] = [];
    try {
      results = this.#backend.runSavedModel(session, inputs, this.#inputInfos, fetched);
      const names = [...this.outputs, ...inner];
      const read = new Map(names.map((name, i) => [name, fromTf(name, results[i])]));
      const pick = (name: string): NamedTensor => tensorNamed(read, name);
      return { outputs: this.outputs.map(pick), activations: watched.map(pick) };
    } finally {
      tf.dispose(results);
      tf.dispose(inputs);
    }
  }

  async #loadGraphModel(): Promise<GraphModel> {
    const session = await this.#openInlinedSession();
    return loadAsGraphModel(this.#content.nodes, (names) => {
      const fetched = names.map((name) => `${name}:0`);
      const constants = this.#backend.runSavedModel(session, [], [], fetched);
      try {
        return names.map((name, i) => fromTf(name, constants[i]));
      } finally {
        tf.dispose(constants);
      }
    });
  }

  #compute(given: ReadonlyMap<string, tf.Tensor>, wanted: string): tf.Tensor {
    const { inputs, inlinedOutputs } = this.#content;
    const nodes = new Map(inputs.map(({ name, tensor }) => [name, nodeNameOf(tensor)]));
    const feeds = [...given].map(([name, value]) => [nodes.get(name) ?? name, value] as const);
    const end = inlinedOutputs[this.outputs.indexOf(wanted)] ?? wanted;
    if (this.#graphModel === undefined) throw new Error('the graph model is not loaded');
    return this.#graphModel.execute(Object.fromEntries(feeds), end) as tf.Tensor;
  }

  /** Weights are in TensorFlow's checkpoint files, which are not read. */
  constant(): undefined {
    return undefined;
  }

  async dispose(): Promise<void> {
    this.#graphModel?.dispose();
    this.#backend.deleteSavedModel(this.#plainSession);
    if (this.#inlinedSession !== undefined) this.#backend.deleteSavedModel(this.#inlinedSession);
  }

  #openSession(path: string, tags: readonly string[]): number {
    try {
      return this.#backend.loadSavedModelMetaGraph(path, tags.join(','));
    } catch (error) {
      throw new UserError(`TensorFlow cannot load ${this.path}: ${errorMessage(error)}`);
    }
  }

  /** TensorFlow loads folders only: a temporary one has the changed graph, and links to the rest. */
  async #openInlinedSession(): Promise<number> {
    const { inlinedBytes, tags } = this.#content;
    if (inlinedBytes === undefined) return this.#plainSession;
    if (this.#inlinedSession === undefined) {
      const folder = await makeTemporaryFolder('model');
      try {
        await writeFile(join(folder, 'saved_model.pb'), inlinedBytes);
        for (const name of ['variables', 'assets', 'assets.extra']) {
          const target = await realpath(join(this.path, name)).catch(() => undefined);
          if (target !== undefined) await symlink(target, join(folder, name));
        }
        this.#inlinedSession = this.#openSession(folder, tags);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
    return this.#inlinedSession;
  }
}

/** The graph's nodes, and for each output an Identity that gives its tensor the signature's name. */
function withSignatureOutputs({ nodes, outputs }: SavedModelContent['graph'], names: readonly string[]) {
  const named = names.map((name, i) => ({ name, op: 'Identity', inputs: [outputs[i]], outputs: [name] }));
  return [...nodes, ...named];
}

function inputSpec({ name, dtype, shape }: SignatureTensor, path: string): InputSpec {
  const type = RUNTIME_TYPES[dtype]?.[1];
  if (type === undefined) {
    throw new UserError(
      `${path}: input ${name} is of TensorFlow's type ${dtype}; only inputs of float32, int32, int64, uint8 and bool can be fuzzed`,
    );
  }
  if (shape === undefined) throw new UserError(`${path}: input ${name} has no known number of dimensions`);
  return { name, type, shape };
}
