import { type DType, isDType } from '../../../tensor/tensor.ts';
import type { GraphNode } from '../../graph/graph.ts';
import { typeOf } from './tensor.ts';

const of =
  (...types: readonly (DType | undefined)[]): Rule =>
  () =>
    types;

const likeInput =
  (place: number): Rule =>
  (node, typeOfTensor) =>
    node.outputs.map(() => typeOfTensor(node.inputs[place] ?? ''));

type Rule = (
  node: GraphNode,
  typeOfTensor: (name: string) => DType | undefined,
) => readonly (DType | undefined)[];

const BOOL = of('bool');
const INT64 = of('int64');
const UNKNOWN = of();

/** Operations whose results are not of the type of their first input. */
const RULES: Readonly<Record<string, Rule>> = {
  Shape: INT64,
  Size: INT64,
  ArgMax: INT64,
  ArgMin: INT64,
  NonZero: INT64,
  Equal: BOOL,
  Less: BOOL,
  LessOrEqual: BOOL,
  Greater: BOOL,
  GreaterOrEqual: BOOL,
  And: BOOL,
  Or: BOOL,
  Xor: BOOL,
  Not: BOOL,
  IsNaN: BOOL,
  IsInf: BOOL,
  Cast: ({ attributes }) => [typeOf(Number(attributes?.to ?? 0))],
  CastLike: likeInput(1),
  Where: likeInput(1),
  OneHot: likeInput(2),
  ConstantOfShape: ({ attributes }) => [
    isDType(String(attributes?.value)) ? (attributes?.value as DType) : 'float32',
  ],
  EyeLike: UNKNOWN,
  RandomNormal: of('float32'),
  RandomUniform: of('float32'),
  Multinomial: UNKNOWN,
  Bernoulli: UNKNOWN,
  DequantizeLinear: likeInput(1),
  QuantizeLinear: ({ inputs }, typeOfTensor) => [typeOfTensor(inputs[2] ?? '') ?? 'uint8'],
  DynamicQuantizeLinear: of('uint8', 'float32', 'uint8'),
  MatMulInteger: of('int32'),
  ConvInteger: of('int32'),
  TopK: ({ inputs }, typeOfTensor) => [typeOfTensor(inputs[0]), 'int64'],
  MaxPool: ({ inputs }, typeOfTensor) => [typeOfTensor(inputs[0]), 'int64'],
  Dropout: ({ inputs }, typeOfTensor) => [typeOfTensor(inputs[0]), 'bool'],
  Unique: ({ inputs }, typeOfTensor) => [typeOfTensor(inputs[0]), 'int64', 'int64', 'int64'],
  If: UNKNOWN,
  Loop: UNKNOWN,
  Scan: UNKNOWN,
};

/** Operations on quantized numbers, and on what is no tensor of numbers: their results are not known. */
const OPAQUE =
  /^(QLinear|QGemm|QAttention|Sequence|Split?ToSequence|Optional|String|Tree|ZipMap|Label|Tfidf)/;

/**
 * The number types of all tensors that follow from those known: an operation's results are of the type of its
 * first input, unless it is one of those that the ONNX specification says otherwise of.
 *
 * @param nodes in topological order
 * @param known declared types, which hold whatever the operations say
 */
export function inferTypes(
  nodes: readonly GraphNode[],
  known: ReadonlyMap<string, DType>,
): ReadonlyMap<string, DType> {
  const types = new Map(known);
  for (const node of nodes) {
    const rule = RULES[node.op] ?? (OPAQUE.test(node.op) ? UNKNOWN : likeInput(0));
    const made = rule(node, (name) => types.get(name));
    node.outputs.forEach((output, i) => {
      const type = made[i];
      if (type !== undefined && !types.has(output)) types.set(output, type);
    });
  }
  return types;
}
