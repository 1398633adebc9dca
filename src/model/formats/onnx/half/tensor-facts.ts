import { sizeOf } from '../../../../tensor/tensor.ts';
import { longToNumber, type OnnxGraph, type OnnxNode, type OnnxTensor } from '../proto.ts';
import { DATA_TYPE, tensorOf } from '../tensor.ts';
import { constantTensorOf } from './half-tensors.ts';
import { integerAttribute, integersAttribute } from './node-attributes.ts';

/** What is known of the tensors of a graph before it runs. */
export interface TensorFacts {
  /** Number of dimensions; undefined where it is not known. */
  rankOf(tensor: string): number | undefined;
  /** Sizes that are known; undefined for a tensor of which nothing is known. */
  shapeOf(tensor: string): readonly (number | undefined)[] | undefined;
  /** Integers of a constant; undefined for other tensors. */
  integersOf(tensor: string): readonly number[] | undefined;
}
/** The fields of a graph that facts are told from. */
type FactSource = Pick<OnnxGraph, 'input' | 'output' | 'valueInfo' | 'initializer' | 'node'>;

/** Size of the largest constants whose values are read: axes, shapes. */
const MAX_INTEGERS = 64;

/**
 * What a graph says of its tensors: declared shapes and constants, and the numbers of dimensions that follow from those.
 *
 * @param outer facts of the graph around it
 */
export function tensorFactsOf(graph: FactSource, outer?: TensorFacts): TensorFacts {
  const shapes = new Map<string, readonly (number | undefined)[]>();
  const integers = new Map<string, readonly number[]>();
  for (const { name, type } of [...graph.valueInfo, ...graph.input, ...graph.output]) {
    const dims = type?.tensorType?.shape?.dim;
    if (dims !== undefined)
      shapes.set(
        name,
        // Exporters write 0 for sizes that they do not know.
        dims.map(({ dimParam, dimValue }) => (dimParam ? undefined : Number(dimValue ?? 0) || undefined)),
      );
  }
  const keep = (name: string, tensor: OnnxTensor): void => {
    const dims = tensor.dims.map(longToNumber);
    shapes.set(name, dims);
    const isReadable = tensor.dataType === DATA_TYPE.int64 && (tensor.externalData ?? []).length === 0;
    if (isReadable && sizeOf(dims) <= MAX_INTEGERS)
      integers.set(name, Array.from(tensorOf(tensor, name).data as BigInt64Array, Number));
  };
  for (const tensor of graph.initializer) keep(tensor.name, tensor);
  for (const node of graph.node) {
    const tensor = node.opType === 'Constant' ? constantTensorOf(node) : undefined;
    if (tensor !== undefined) keep(node.output[0], tensor);
  }
  const ranks = new Map<string, number>([...shapes].map(([name, shape]) => [name, shape.length]));
  const facts: TensorFacts = {
    rankOf: (name) => ranks.get(name) ?? outer?.rankOf(name),
    shapeOf: (name) => shapes.get(name) ?? outer?.shapeOf(name),
    integersOf: (name) => integers.get(name) ?? outer?.integersOf(name),
  };
  for (const node of graph.node) {
    const [output = ''] = node.output;
    const rank = ranks.has(output) ? undefined : rankOfResult(node, facts);
    if (rank !== undefined) ranks.set(output, rank);
  }
  return facts;
}

/** Operations whose result has as many dimensions as their first operand. */
const SAME_RANK =
  /^(?:Relu|LeakyRelu|Elu|Selu|Gelu|Sigmoid|HardSigmoid|HardSwish|Tanh|Exp|Log|Sqrt|Neg|Abs|Erf|Reciprocal|Sin|Cos|Softplus|Clip|Cast|Identity|Dropout|Softmax|LogSoftmax|\w*Normalization|Conv|ConvTranspose|\w*Pool|Pad|Slice|Concat|Split|Transpose)$/;

/** Operations whose operands are broadcast to one shape. */
const BROADCASTING = /^(?:Add|Sub|Mul|Div|Pow|Min|Max|Sum|Mean|Where|MatMul)$/;

function rankOfResult(node: OnnxNode, facts: TensorFacts): number | undefined {
  const { opType, input } = node;
  const rank = facts.rankOf(input[0] ?? '');
  const axes = (): number | undefined =>
    (integersAttribute(node, 'axes') ?? facts.integersOf(input[1] ?? ''))?.length;
  if (opType === 'Gemm' || opType === 'Flatten') return 2;
  if (opType === 'Reshape') return facts.integersOf(input[1])?.length ?? facts.shapeOf(input[1])?.[0];
  if (rank === undefined) return undefined;
  if (SAME_RANK.test(opType)) return rank;
  if (BROADCASTING.test(opType)) {
    const ranks = input.map((name) => facts.rankOf(name));
    const isPlain = opType !== 'MatMul' || ranks.every((operand) => operand !== 1);
    return isPlain && ranks.every((operand) => operand !== undefined) ? Math.max(...ranks) : undefined;
  }
  if (opType === 'Gather') {
    const indices = facts.rankOf(input[1]);
    return indices === undefined ? undefined : rank - 1 + indices;
  }
  if (opType.startsWith('Reduce') && integerAttribute(node, 'keepdims', 1) !== 0) return rank;
  const count = axes();
  if (count === undefined) return undefined;
  if (opType === 'Unsqueeze') return rank + count;
  return opType === 'Squeeze' || opType.startsWith('Reduce') ? rank - count : undefined;
}
