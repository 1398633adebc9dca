import type { BatchedModel } from '../../model/batched-model.ts';
import { findLogits } from '../../model/graph/find-logits.ts';
import type { DeclaredShape, GraphNode } from '../../model/graph/graph.ts';
import type { Model } from '../../model/model.ts';
import { packBatch, type TestcaseBatch } from '../../model/testcase-batch.ts';
import { readNumber, type Tensor } from '../../tensor/tensor.ts';
import { convolutionNorm } from './convolution-norm.ts';
import { convolutionOf, windowPlaces } from './convolution-window.ts';
import { ancestorsOf, boundGain, type GainBound } from './gain-bound.ts';
import {
  deflated,
  largestSingularValue,
  lengthOf,
  matrixMap,
  type SingularValue,
} from './power-iteration.ts';
import { countDeadRows, type Dequantization, type WeightMatrices, weightMatrices } from './weight-matrix.ts';
import { findWeightOperands, type WeightOperand } from './weight-operands.ts';

/** What the weight of a layer does to lengths. */
export interface LayerSpectrum {
  /** Name of the weight, and of the operation that reads it first. */
  readonly weight: string;
  readonly layer: string;
  readonly op: string;
  readonly shape: readonly number[];
  /** Matrices that it holds, and the size of each: what the layer gives by what it takes. */
  readonly matrices: number;
  readonly rows: number;
  readonly columns: number;
  /** The largest singular value, of several matrices the largest; null where a weight is not finite. */
  readonly sigma: number | null;
  /** Of a convolution: how much longer its result can be than what it reads, at the size that it reads. Null for others. */
  readonly operatorNorm: number | null;
  /** The second singular value over the largest, the Frobenius norm and ‖W‖²_F/σ² of the matrix with the largest one. */
  readonly secondRatio: number | null;
  readonly frobenius: number | null;
  readonly stableRank: number | null;
  /** Outputs whose weights are all zero. */
  readonly deadRows: number;
}

/** A weight that could not be read. */
export interface UnreadWeight {
  readonly weight: string;
  readonly layer: string;
  readonly why: string;
}

/** What the weights of a model do to lengths. */
export interface Spectra {
  readonly layers: readonly LayerSpectrum[];
  readonly unread: readonly UnreadWeight[];
  /** An upper bound on how far the logits move; of the first output where there are none. */
  readonly gain: GainBound;
}

/** Share by which measured gains are enlarged in bounds: what the iteration may lack of a singular value. */
const ITERATION_SHARE = 1e-3;

/**
 * Measures the largest singular values of a model's weights, and bounds how far its logits move.
 *
 * @param testcase shows the sizes of tensors; without one, convolutions have no operator norm
 * @param onStep called between products of matrices, with the share that is done where that is known
 */
export async function measureSpectra(
  batched: BatchedModel,
  testcase: TestcaseBatch | undefined,
  onStep: (share?: number) => void,
): Promise<Spectra> {
  const { model } = batched;
  const operands = findWeightOperands(model.graph);
  const target = findLogits(model.graph)?.tensor ?? model.outputs[0];
  const feeds = testcase === undefined ? undefined : batched.feeds(packBatch([testcase]), 1);
  const values = await FixedValues.read(model, feeds, operands, target);
  const layers = new Map<string, LayerSpectrum>();
  const unread: UnreadWeight[] = [];
  const gains = new Map<GraphNode, number>();
  for (const [i, operand] of operands.entries()) {
    onStep(i / operands.length);
    const { node, tensor, role } = operand;
    const key = `${role} ${tensor}`;
    const read = readWeight(operand, values);
    if ('why' in read) {
      unread.push({ weight: tensor, layer: node.name, why: read.why });
      continue;
    }
    const known = layers.get(key);
    const spectrum = known ?? spectrumOf(operand, read, onStep);
    const operatorNorm = await normOf(operand, read.tensor, values, onStep);
    if (known === undefined) layers.set(key, { ...spectrum, operatorNorm });
    const gain = gainOf(operand, spectrum.sigma, operatorNorm, read.tensor.shape);
    if (gain !== undefined) gains.set(node, gain * (1 + ITERATION_SHARE));
  }
  const gain = boundGain(model.graph, target, {
    valuesOf: (name) => values.numbersOf(name),
    shapeOf: (name) => values.shapes.get(name) ?? rowShape(model.graph.shapes.get(name)),
    weightGainOf: (node) => gains.get(node),
  });
  return { layers: [...layers.values()], unread, gain };
}

/** A declared shape for one testcase; undefined where another size than the batch is open. */
function rowShape(declared: DeclaredShape | undefined): readonly number[] | undefined {
  if (declared === undefined) return undefined;
  const [batch, ...sizes] = declared;
  if (!sizes.every((size) => typeof size === 'number')) return undefined;
  return [...(batch === undefined ? [] : [typeof batch === 'number' ? batch : 1]), ...sizes] as number[];
}

/** A weight as a tensor, and as matrices. */
export interface ReadWeight {
  readonly tensor: Tensor;
  readonly matrices: WeightMatrices;
}

/** Reads a weight, or says why it can't be read. */
export function readWeight(
  operand: WeightOperand,
  values: FixedValues,
): ReadWeight | { readonly why: string } {
  const tensor = values.tensorOf(operand.tensor);
  if (tensor === undefined) return { why: 'its values cannot be read' };
  const axes = operand.axes(tensor.shape.length);
  if (tensor.shape.length < 2 || axes === undefined) return { why: 'its axes are not understood' };
  const integers = operand.scale && dequantizationOf(operand.scale, values);
  if (operand.scale !== undefined && integers === undefined) return { why: 'its scale cannot be read' };
  return { tensor, matrices: weightMatrices(tensor, axes, integers) };
}

function dequantizationOf(
  { scale, zeroPoint }: NonNullable<WeightOperand['scale']>,
  values: FixedValues,
): Dequantization | undefined {
  const scales = values.numbersOf(scale);
  const zeroPoints = zeroPoint === '' ? [] : values.numbersOf(zeroPoint);
  if (scales === undefined || zeroPoints === undefined) return undefined;
  return { scale: Array.from(scales), zeroPoint: Array.from(zeroPoints) };
}

/** The matrix of a weight with the largest singular value. @param name keys the draws */
export function largestOf(
  { count, rows, columns, values }: WeightMatrices,
  name: string,
  onStep: () => void,
): { readonly matrix: Float64Array; readonly value: SingularValue } {
  let most: { readonly matrix: Float64Array; readonly value: SingularValue } | undefined;
  for (let i = 0; i < count; i++) {
    const matrix = values.subarray(i * rows * columns, (i + 1) * rows * columns);
    const value = largestSingularValue(matrixMap(matrix, rows, columns), [name, i], onStep);
    if (most === undefined || value.sigma > most.value.sigma) most = { matrix, value };
  }
  if (most === undefined) throw new Error(`weight ${name} holds no matrix`);
  return most;
}

function spectrumOf(
  { node, tensor: weight }: WeightOperand,
  { tensor, matrices }: ReadWeight,
  onStep: () => void,
): Omit<LayerSpectrum, 'operatorNorm'> {
  const { count, rows, columns, values } = matrices;
  const common = {
    weight,
    layer: node.name,
    op: node.op,
    shape: tensor.shape,
    matrices: count,
    rows,
    columns,
    deadRows: countDeadRows(matrices),
  };
  if (!values.every(Number.isFinite) || values.length === 0)
    return { ...common, sigma: null, secondRatio: null, frobenius: null, stableRank: null };
  const { matrix, value } = largestOf(matrices, weight, onStep);
  const { sigma } = value;
  const second = largestSingularValue(
    deflated(matrixMap(matrix, rows, columns), value),
    [weight, 'second'],
    onStep,
  );
  const frobenius = lengthOf(matrix);
  return {
    ...common,
    sigma,
    secondRatio: sigma === 0 ? null : second.sigma / sigma,
    frobenius,
    stableRank: sigma === 0 ? null : (frobenius / sigma) ** 2,
  };
}

/** The operator norm of a convolution; null for other layers, and where the size that it reads is not known. */
async function normOf(
  { node, role, applied, tensor: name }: WeightOperand,
  tensor: Tensor,
  { shapes }: FixedValues,
  onStep: () => void,
): Promise<number | null> {
  const input = shapes.get(node.inputs[applied ?? 0]);
  const output = shapes.get(node.outputs[0]);
  const isConvolution = role === 'convolution' || role === 'transposed-convolution';
  if (!isConvolution || input === undefined || output === undefined) return null;
  const convolution = convolutionOf(node, tensor, input, output, role === 'transposed-convolution');
  if (convolution === undefined) return null;
  const norm = await convolutionNorm(convolution, [name, 'convolution'], onStep);
  // It is computed in single precision, where a square of the norm must be a number.
  return norm > LEAST_NORM && norm < 1 / LEAST_NORM ? norm : null;
}

const LEAST_NORM = 1e-15;

/** Gain of a layer; undefined of one that is not linear, or rounds. */
function gainOf(
  { node, role, scale, tensor }: WeightOperand,
  sigma: number | null,
  operatorNorm: number | null,
  shape: readonly number[],
): number | undefined {
  if (sigma === null || scale !== undefined || role === 'table' || role === 'inner') return undefined;
  const { attributes = {} } = node;
  if (!GENTLE_ACTIVATIONS.has(String(attributes.activation ?? ''))) return undefined;
  if (role === 'product') {
    if (node.op === 'Einsum' && sumsOutsideWeight(node, tensor)) return undefined;
    // A stack of matrices may be multiplied by one operand, which is then repeated.
    const stack = node.op === 'Einsum' ? 1 : shape.slice(0, -2).reduce((product, size) => product * size, 1);
    return sigma * Math.abs(Number(attributes.alpha ?? 1)) * Math.sqrt(stack);
  }
  // Each value that a convolution reads lies in as many windows as the kernel has places.
  return operatorNorm ?? sigma * Math.sqrt(windowPlaces(node, shape));
}

/** Whether an Einsum adds up the other operand along an axis that its weight does not have, or has axes that are not named. */
function sumsOutsideWeight({ attributes = {}, inputs }: GraphNode, weight: string): boolean {
  const [operands, result] = String(attributes.equation ?? '')
    .replaceAll(' ', '')
    .split('->');
  const terms = operands.split(',');
  if (result === undefined || operands.includes('.') || terms.length !== 2) return true;
  const place = inputs.indexOf(weight);
  return [...terms[1 - place]].some((axis) => !result.includes(axis) && !terms[place].includes(axis));
}

/** Functions of fused operations that no slope of which is above 1; none, too. */
const GENTLE_ACTIVATIONS: ReadonlySet<string> = new Set([
  '',
  'Relu',
  'Tanh',
  'Sigmoid',
  'Clip',
  'HardSigmoid',
]);

/** Tensors that no input changes, and the shapes of all tensors in a run of one testcase. */
export class FixedValues {
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly #model: Model;
  readonly #computed: ReadonlyMap<string, Tensor>;

  private constructor(
    model: Model,
    computed: ReadonlyMap<string, Tensor>,
    shapes: ReadonlyMap<string, readonly number[]>,
  ) {
    this.#model = model;
    this.#computed = computed;
    this.shapes = shapes;
  }

  /**
   * Runs a model once, with all tensors watched that a tensor is computed from; where it can't be run so, with the weights alone.
   *
   * @param feeds undefined for no run
   */
  static async read(
    model: Model,
    feeds: readonly Tensor[] | undefined,
    operands: readonly WeightOperand[],
    target: string | undefined,
  ): Promise<FixedValues> {
    const { graph } = model;
    const shapes = new Map(feeds?.map(({ shape }, i) => [model.inputs[i].name, shape] as const));
    if (feeds === undefined) return new FixedValues(model, new Map(), shapes);
    const watchable = new Set(model.watchable);
    const produced = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
    const known = (name: string): boolean =>
      name === '' || graph.constants.has(name) || graph.inputs.includes(name);
    // A SavedModel's reads of variables are no operations of the graph.
    const weights = operands
      .map(({ tensor }) => tensor)
      .filter((name) => !known(name) && (watchable.has(name) || !produced.has(name)));
    const convolved = operands.flatMap(({ node }) => [node.inputs[0], node.outputs[0]]);
    const onTheWay = target === undefined ? [] : ancestorsOf(graph, target).flatMap(({ outputs }) => outputs);
    const rest = [...convolved, ...onTheWay].filter((name) => watchable.has(name));
    for (const watched of [[...weights, ...rest], weights]) {
      if (watched.length === 0) continue;
      try {
        const { activations } = await model.run(feeds, [...new Set(watched)]);
        for (const { name, shape } of activations) shapes.set(name, shape);
        return new FixedValues(model, new Map(activations.map((tensor) => [tensor.name, tensor])), shapes);
      } catch {
        // Some runtimes do not expose every tensor.
      }
    }
    return new FixedValues(model, new Map(), shapes);
  }

  /** A constant, or a tensor of the run. */
  tensorOf(name: string): Tensor | undefined {
    return this.#computed.get(name) ?? this.#model.constant(name);
  }

  /** Values of a small or large constant. */
  numbersOf(name: string): ArrayLike<number> | undefined {
    const small = this.#model.graph.values.get(name);
    if (small !== undefined) return small;
    const tensor = this.tensorOf(name);
    if (tensor === undefined) return undefined;
    const { type, data } = tensor;
    return Float64Array.from({ length: data.length }, (_, i) => readNumber(type, data, i));
  }
}
