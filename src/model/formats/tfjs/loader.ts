import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import { errorMessage, UserError } from '../../../core/errors.ts';
import { encodeStrings } from '../../../tensor/strings.ts';
import { isDType, sizeOf, type Tensor } from '../../../tensor/tensor.ts';
import { computedTensors, type Graph, type GraphNode, MAX_CONSTANT_VALUES } from '../../graph/graph.ts';
import type {
  InputSpec,
  Model,
  ModelCapabilities,
  ModelLoader,
  NamedTensor,
  OmittedOutput,
  Runtime,
} from '../../model.ts';
import { tensorNamed } from '../../run-result.ts';
import { startTfjs, switchTfjs } from './backend.ts';
import { readTfjsFiles, type TfjsFiles } from './files.ts';
import { keepListTensors } from './function-bodies.ts';
import { TfjsGradients } from './gradients/tfjs-gradients.ts';
import { type GraphTopology, readTfjsGraph, stringTensors } from './graph.ts';
import { openLayersModel } from './layers/network.ts';
import { inputSpec, type LoadedNetwork } from './loaded-network.ts';
import { fromTf, toTfFeeds, toTfStrings } from './tf-tensor.ts';

/** TensorFlow.js graph and layers models (`model.json` with its weight files). */
export const tfjsLoader: ModelLoader = {
  async load(path, options) {
    if (options.runtime === 'onnx') {
      throw new UserError(
        `--runtime onnx cannot run ${path}, a TensorFlow.js model: use tensorflow, wasm or cpu, or remove it`,
      );
    }
    const files = await readTfjsFiles(path);
    options.onModelBytes?.(files.bytes);
    let runtime = await startTfjs(options.runtime);
    for (;;) {
      const network = await openNetwork(files, path);
      const missing = await findMissingKernel(network);
      if (missing === undefined) return new TfjsModel(path, files, runtime, network);
      network.dispose();
      if (options.runtime !== 'auto' || runtime.kind === 'cpu' || runtime.kind === 'onnx') {
        throw new UserError(`${path} cannot run on ${runtime.kind}: ${missing}; try another --runtime`);
      }
      runtime = await startTfjs('auto', { than: runtime.kind, because: missing });
    }
  },
};

class TfjsModel implements Model {
  readonly path: string;
  readonly format: TfjsFiles['format'];
  readonly sha256: string;
  readonly runtime: Runtime;
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly string[];
  readonly omittedOutputs: readonly OmittedOutput[];
  readonly graph: Graph;
  readonly watchable: readonly string[];
  readonly capabilities: ModelCapabilities;
  readonly #network: LoadedNetwork;

  constructor(path: string, files: TfjsFiles, runtime: Runtime, network: LoadedNetwork) {
    this.path = path;
    this.format = files.format;
    this.sha256 = files.sha256;
    this.runtime = runtime;
    this.inputs = network.inputs;
    this.outputs = network.outputs;
    this.omittedOutputs = network.omittedOutputs ?? [];
    this.graph = network.graph;
    this.watchable = network.watchable;
    this.#network = network;
    const gradients = new TfjsGradients({
      graph: network.graph,
      inputs: network.inputs,
      // The second model of a pair may have activated another backend.
      activate: () => switchTfjs(runtime.kind),
      run: async (feeds, watched) => (await this.run(feeds, watched)).activations,
      network,
    });
    this.capabilities = { gradients };
  }

  async run(feeds: readonly Tensor[], watched: readonly string[]) {
    // The second model of a pair may have activated another backend.
    await switchTfjs(this.runtime.kind);
    const wanted = [...new Set([...this.outputs, ...watched])];
    const inputs = toTfFeeds(this.inputs, feeds);
    let results: tf.Tensor[] = [];
    try {
      results = await this.#network.execute(inputs, wanted);
      const read = new Map(wanted.map((name, i) => [name, fromTf(name, results[i])]));
      const pick = (name: string): NamedTensor => tensorNamed(read, name);
      return { outputs: this.outputs.map(pick), activations: watched.map(pick) };
    } finally {
      tf.dispose(results);
      tf.dispose(inputs);
    }
  }

  constant(name: string) {
    const tensor = this.#network.constant(name);
    return tensor === undefined || !isDType(tensor.dtype) ? undefined : fromTf(name, tensor);
  }

  async dispose() {
    this.#network.dispose();
  }
}

async function openNetwork(files: TfjsFiles, path: string): Promise<LoadedNetwork> {
  try {
    return await (files.format === 'tfjs-graph' ? openGraphModel(files) : openLayersModel(files.artifacts));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`TensorFlow.js cannot load ${path}: ${errorMessage(error)}`);
  }
}

/** Operations that need TensorFlow.js' asynchronous execution. */
const ASYNC_OPS = new Set([
  'Switch',
  'Merge',
  'Enter',
  'Exit',
  'While',
  'StatelessWhile',
  'If',
  'StatelessIf',
  'Where',
]);

/** Whether a graph model runs an operation asynchronously alone. */
export function isAsynchronous({ op }: GraphNode): boolean {
  return ASYNC_OPS.has(op) || op.startsWith('NonMaxSuppression');
}

async function openGraphModel(files: TfjsFiles): Promise<LoadedNetwork> {
  const loaded = await loadGraphModel(tf.io.fromMemory(files.artifacts));
  keepListTensors(loaded);
  const inputs = loaded.inputs.map((node) => inputSpec(node.name, node.dtype, node.shape));
  const topology = files.artifacts.modelTopology as GraphTopology;
  const strings = stringTensors(topology);
  const named = loaded.outputs.map(({ name, dtype }) => ({ name: name.replace(/:0$/, ''), dtype }));
  const isText = ({ name, dtype }: (typeof named)[number]): boolean =>
    dtype === 'string' || strings.has(name);
  const outputs = named.filter((output) => !isText(output)).map(({ name }) => name);
  const omittedOutputs = named
    .filter(isText)
    .map(({ name }) => ({ name, reason: 'it holds strings, and TensorFlow.js models do not list them' }));
  if (outputs.length === 0) throw new UserError('it has no output of numbers, so there is nothing to check');
  const constant = (name: string): tf.Tensor | undefined => loaded.weights[name]?.[0];
  const constants = weightShapesOf(files);
  const values = new Map(
    [...constants].flatMap(([name, shape]): [string, number[]][] => {
      const tensor = sizeOf(shape) <= MAX_CONSTANT_VALUES ? constant(name) : undefined;
      return tensor === undefined || !isDType(tensor.dtype) ? [] : [[name, [...tensor.dataSync()]]];
    }),
  );
  const graph = readTfjsGraph(topology, loaded.inputNodes, loaded.outputNodes, constants, values);
  const isAsync = graph.nodes.some(isAsynchronous);
  return {
    inputs,
    outputs,
    omittedOutputs,
    graph,
    watchable: computedTensors(graph).filter((name) => !strings.has(name)),
    async execute(feeds, wanted) {
      const named = Object.fromEntries(inputs.map((input, i) => [input.name, feeds[i]]));
      const results = isAsync
        ? await loaded.executeAsync(named, [...wanted])
        : tf.tidy(() => loaded.execute(named, [...wanted]));
      return ([] as tf.Tensor[]).concat(results);
    },
    compute: (given, wanted) => loaded.execute(Object.fromEntries(given), wanted) as tf.Tensor,
    isAsynchronous,
    constant,
    dispose: () => loaded.dispose(),
  };
}

function weightShapesOf({ artifacts }: TfjsFiles): Map<string, readonly number[]> {
  return new Map(artifacts.weightSpecs?.map(({ name, shape }) => [name, shape]));
}

/** An empty one may lead past operations. */
const TRIED_TEXT = 'the quick brown fox jumps over the lazy dog';

/**
 * The message of a runtime that lacks an operation, which only shows in a run, here on zeros and a text; undefined if it lacks
 * none.
 */
async function findMissingKernel(network: LoadedNetwork): Promise<string | undefined> {
  const zeros = network.inputs.map(({ shape, type, strings }) => {
    const sizes = shape.map((size) => size ?? 1);
    if (strings === undefined) return tf.zeros(sizes as number[], type as 'float32');
    const count = sizes.slice(0, -1);
    return toTfStrings(encodeStrings(new Array(sizeOf(count)).fill(TRIED_TEXT), count));
  });
  try {
    tf.dispose(await network.execute(zeros, network.outputs));
    return undefined;
  } catch (error) {
    const text = errorMessage(error);
    // Kernels of wasm abort on types and sizes that they were not made for.
    return /kernel|not registered|backend|aborted\(/i.test(text) ? text : undefined;
  } finally {
    tf.dispose(zeros);
  }
}
