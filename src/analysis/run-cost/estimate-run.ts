import type { Graph, GraphNode } from '../../model/graph/graph.ts';
import type { RuntimeKind } from '../../model/model.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import { type KnownShape, numbersOf } from './node-facts.ts';
import { outputShape } from './shape-rules.ts';
import { outputValues } from './shape-values.ts';

/** Work of one run of a model on one testcase. */
export interface RunWork {
  /** Multiplications with an addition each, in convolutions, matrix products and recurrent layers. */
  readonly multiplyAdds: number;
  /** Values of testcases that all operations read and write. */
  readonly values: number;
  /** Values of weights that all operations read, once for all rows of a batch. */
  readonly weights: number;
  readonly nodes: number;
  /** Values of a testcase in the largest tensor that an operation computes. */
  readonly largestTensor: number;
}

/** Throughput of a runtime on one thread. */
interface RuntimeSpeed {
  readonly multiplyAddsPerSecond: number;
  readonly valuesPerSecond: number;
  readonly secondsPerNode: number;
}

/**
 * Throughput of the runtimes on one thread of a 2-core cloud machine, rounded. Fixed numbers: with measured ones two
 * campaigns on two machines, or on one that is busy, would differ.
 */
const SPEEDS: Readonly<Record<RuntimeKind, RuntimeSpeed>> = {
  onnx: { multiplyAddsPerSecond: 2e10, valuesPerSecond: 3e9, secondsPerNode: 2e-6 },
  tensorflow: { multiplyAddsPerSecond: 1e10, valuesPerSecond: 1e9, secondsPerNode: 2e-5 },
  wasm: { multiplyAddsPerSecond: 5e9, valuesPerSecond: 5e8, secondsPerNode: 1e-5 },
  cpu: { multiplyAddsPerSecond: 2e8, valuesPerSecond: 1e8, secondsPerNode: 1e-5 },
};

/**
 * Multiplications a second in a product whose partial sums are rounded: each term is a step of a Loop that writes all sums.
 * Measured like the others.
 */
const ROUNDED_MULTIPLY_ADDS_PER_SECOND = 1.5e9;

/** Runs of a Loop's or Scan's body, whose number the graph does not say. */
const BODY_RUNS = 16;

/**
 * Estimates the seconds that one testcase takes in a run, from the graph's operations and sizes and a fixed table of speeds:
 * a number that is the same on every machine.
 *
 * @param inputs shapes of the model's inputs with a batch of 1, by name; a size that is open is taken from them
 * @param rows testcases in a run, which share the cost of starting operations and of reading weights
 * @param roundsSums whether partial sums are rounded
 */
export function estimateRunSeconds(
  graph: Graph,
  inputs: ReadonlyMap<string, KnownShape>,
  runtime: RuntimeKind,
  rows = 1,
  roundsSums = graph.rounding?.partialSums === true,
): number {
  const { multiplyAdds, values, weights, nodes } = estimateWork(graph, inputs);
  const { valuesPerSecond, secondsPerNode, ...speed } = SPEEDS[runtime];
  const multiplyAddsPerSecond = roundsSums ? ROUNDED_MULTIPLY_ADDS_PER_SECOND : speed.multiplyAddsPerSecond;
  const perRun = weights / valuesPerSecond + nodes * secondsPerNode;
  return multiplyAdds / multiplyAddsPerSecond + values / valuesPerSecond + perRun / rows;
}

/**
 * Seconds that a language model takes for a token of one row beside its products: sampling, texts and its share of a run of
 * the network. Measured on the bundled character model: 14,000 tokens a second.
 */
const TOKEN_SECONDS = 7e-5;

/** Estimates the seconds of one generated token, of which the network's graph is not seen. */
export function estimateTokenSeconds(weightsPerToken: number, runtime: RuntimeKind): number {
  return TOKEN_SECONDS + weightsPerToken / SPEEDS[runtime].multiplyAddsPerSecond;
}

/** The work of one run; see `estimateRunSeconds`. */
export function estimateWork(graph: Graph, inputs: ReadonlyMap<string, KnownShape>): RunWork {
  const shapes = new Map<string, KnownShape>([...graph.constants, ...inputs]);
  const known = new Map(graph.values);
  let multiplyAdds = 0;
  let values = 0;
  let weights = 0;
  let nodes = 0;
  let largestTensor = 0;
  for (const node of graph.nodes) {
    const inputShapes = node.inputs.map((name) => shapes.get(name));
    const context = { inputs: inputShapes, values: known };
    const shape = declaredShape(graph, node) ?? outputShape(node, context);
    const sizes = outputValues(node, context);
    if (sizes !== undefined && node.outputs.length > 0) known.set(node.outputs[0], sizes);
    for (const output of node.outputs) if (shape !== undefined) shapes.set(output, shape);
    node.inputs.forEach((name, i) => {
      const size = sizeOf(inputShapes[i] ?? [0]);
      if (graph.constants.has(name)) weights += size;
      else values += size;
    });
    const outputSize = sizeOf(shape ?? [0]);
    values += node.outputs.length * outputSize;
    largestTensor = Math.max(largestTensor, outputSize);
    multiplyAdds += multiplyAddsOf(graph, node, inputShapes, shape);
    nodes++;
    for (const body of node.subgraphs ?? []) {
      const runs = node.op === 'If' ? 1 : BODY_RUNS;
      const work = estimateWork(body, shapes);
      multiplyAdds += runs * work.multiplyAdds;
      values += runs * work.values;
      weights += runs * work.weights;
      nodes += runs * work.nodes;
      largestTensor = Math.max(largestTensor, work.largestTensor);
    }
  }
  return { multiplyAdds, values, weights, nodes, largestTensor };
}

/** The shape that the file declares for a node's first output, with a batch of 1; undefined where another size is open. */
function declaredShape({ shapes }: Graph, { outputs: [output] }: GraphNode): KnownShape | undefined {
  const declared = output === undefined ? undefined : shapes.get(output);
  if (declared === undefined) return undefined;
  const sizes = declared.map((size, d) => (typeof size === 'number' ? size : d === 0 ? 1 : undefined));
  return sizes.every((size) => size !== undefined) ? sizes : undefined;
}

/** Weights of the recurrent operations, by the index of the input. */
const RECURRENT_WEIGHTS = [1, 2];

function multiplyAddsOf(
  graph: Graph,
  node: GraphNode,
  inputs: readonly (KnownShape | undefined)[],
  output: KnownShape | undefined,
): number {
  const [x, w] = inputs;
  const count = (shape: KnownShape | undefined): number => (shape === undefined ? 0 : sizeOf(shape));
  switch (node.op) {
    case 'Conv':
    case 'ConvInteger':
      return count(w) * count(output?.slice(2));
    case 'QLinearConv':
      return count(inputs[3]) * count(output?.slice(2));
    case 'ConvTranspose':
      return count(w) * count(x?.slice(2));
    case 'Conv1D':
    case 'Conv3D':
      return count(w) * count(output?.slice(1, -1));
    case 'Conv2DTranspose':
    case 'Conv3DTranspose':
      return count(w) * count(x?.slice(1, -1));
    case 'Conv2D':
    case '_FusedConv2D':
    case 'FusedConv2D':
    case 'DepthwiseConv2dNative':
    case 'FusedDepthwiseConv2dNative':
      return count(w) * count(output?.slice(1, 3));
    case 'MatMul':
    case 'MatMulInteger':
    case '_FusedMatMul':
    case 'BatchMatMul':
    case 'BatchMatMulV2':
    case 'Gemm':
      return count(output) * innerSize(node, x);
    case 'LSTM':
    case 'GRU':
    case 'RNN':
    case 'SimpleRNN':
      // ONNX has weights by direction, and steps before the batch; layers models the other way round.
      return (
        (x?.[w?.length === 2 ? 1 : 0] ?? 1) * RECURRENT_WEIGHTS.reduce((sum, i) => sum + count(inputs[i]), 0)
      );
    default:
      return layerMultiplyAdds(graph, node, output);
  }
}

/** Terms of each sum of a matrix product. */
function innerSize(node: GraphNode, a: KnownShape | undefined): number {
  if (a === undefined) return 0;
  const isTransposed = [...numbersOf(node, 'transA', []), ...numbersOf(node, 'transpose_a', [])].includes(1);
  return a[a.length - (isTransposed ? 2 : 1)] ?? 1;
}

/** Of a layer of a TensorFlow.js layers model that is one operation and reads no constants by name: its kernels, at each of its positions. */
function layerMultiplyAdds(
  { constants }: Graph,
  { name, inputs }: GraphNode,
  output: KnownShape | undefined,
): number {
  if (output === undefined || inputs.some((input) => constants.has(input))) return 0;
  const positions = output.length > 2 ? sizeOf(output.slice(1, -1)) : 1;
  let sum = 0;
  for (const [weight, shape] of constants)
    if (shape.length >= 2 && weight.startsWith(`${name}/`)) sum += sizeOf(shape) * positions;
  return sum;
}
