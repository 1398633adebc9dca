import { type DType, isDType } from '../../../tensor/tensor.ts';
import type { GraphNode } from '../../graph/graph.ts';
import { dtypeOf } from './tensor.ts';

const fixedTypes =
  (...types: readonly (DType | undefined)[]): TypeRule =>
  () =>
    types;

const typeOfInput =
  (index: number): TypeRule =>
  (node, typeOfTensor) =>
    node.outputs.map(() => typeOfTensor(node.inputs[index] ?? ''));

type TypeRule = (
  node: GraphNode,
  typeOfTensor: (name: string) => DType | undefined,
) => readonly (DType | undefined)[];

/** Results of an operation with bodies have the types of its first body's results. */
const typesOfBody =
  (skipped: number): TypeRule =>
  ({ subgraphs = [] }, typeOfTensor) =>
    (subgraphs[0]?.outputs ?? []).slice(skipped).map(typeOfTensor);

const BOOL_RESULT = fixedTypes('bool');
const INT64_RESULT = fixedTypes('int64');
const UNKNOWN_RESULT = fixedTypes();
const FLOAT_RESULT = fixedTypes('float32');
/** Labels, whose type their declaration tells, and scores. */
const CLASSIFIER_RESULT = fixedTypes(undefined, 'float32');

/** Operations whose results do not have the type of their first input. */
const TYPE_RULES: Readonly<Record<string, TypeRule>> = {
  Shape: INT64_RESULT,
  Size: INT64_RESULT,
  ArgMax: INT64_RESULT,
  ArgMin: INT64_RESULT,
  NonZero: INT64_RESULT,
  Equal: BOOL_RESULT,
  Less: BOOL_RESULT,
  LessOrEqual: BOOL_RESULT,
  Greater: BOOL_RESULT,
  GreaterOrEqual: BOOL_RESULT,
  And: BOOL_RESULT,
  Or: BOOL_RESULT,
  Xor: BOOL_RESULT,
  Not: BOOL_RESULT,
  IsNaN: BOOL_RESULT,
  IsInf: BOOL_RESULT,
  Cast: ({ attributes }) => [dtypeOf(Number(attributes?.to ?? 0))],
  CastLike: typeOfInput(1),
  Where: typeOfInput(1),
  OneHot: typeOfInput(2),
  ConstantOfShape: ({ attributes }) => {
    const type = String(attributes?.value);
    return [isDType(type) ? type : 'float32'];
  },
  EyeLike: UNKNOWN_RESULT,
  RandomNormal: fixedTypes('float32'),
  RandomUniform: fixedTypes('float32'),
  Multinomial: UNKNOWN_RESULT,
  Bernoulli: UNKNOWN_RESULT,
  DequantizeLinear: typeOfInput(1),
  QuantizeLinear: ({ inputs }, typeOfTensor) => [typeOfTensor(inputs[2] ?? '') ?? 'uint8'],
  DynamicQuantizeLinear: fixedTypes('uint8', 'float32', 'uint8'),
  MatMulInteger: fixedTypes('int32'),
  ConvInteger: fixedTypes('int32'),
  TopK: ({ inputs }, typeOfTensor) => [typeOfTensor(inputs[0]), 'int64'],
  MaxPool: ({ inputs }, typeOfTensor) => [typeOfTensor(inputs[0]), 'int64'],
  Dropout: ({ inputs }, typeOfTensor) => [typeOfTensor(inputs[0]), 'bool'],
  Unique: ({ inputs }, typeOfTensor) => [typeOfTensor(inputs[0]), 'int64', 'int64', 'int64'],
  // Operations of ai.onnx.ml give single precision whatever they take.
  OneHotEncoder: FLOAT_RESULT,
  TfIdfVectorizer: FLOAT_RESULT,
  FeatureVectorizer: FLOAT_RESULT,
  Normalizer: FLOAT_RESULT,
  Scaler: FLOAT_RESULT,
  LinearRegressor: FLOAT_RESULT,
  SVMRegressor: FLOAT_RESULT,
  TreeEnsembleRegressor: FLOAT_RESULT,
  LinearClassifier: CLASSIFIER_RESULT,
  SVMClassifier: CLASSIFIER_RESULT,
  TreeEnsembleClassifier: CLASSIFIER_RESULT,
  LabelEncoder: ({ attributes = {} }) => [
    'values_floats' in attributes ? 'float32' : 'values_int64s' in attributes ? 'int64' : undefined,
  ],
  StringSplit: fixedTypes(undefined, 'int64'),
  RegexFullMatch: BOOL_RESULT,
  If: typesOfBody(0),
  // The first result of a Loop's body is whether to go on.
  Loop: typesOfBody(1),
  Scan: typesOfBody(0),
};

/** Operations on quantized numbers, and on values that are not numeric tensors: their result types are unknown. */
const OPAQUE_OPS =
  /^(QLinear|QGemm|QAttention|Sequence|Split?ToSequence|Optional|String|Tree|ZipMap|CategoryMapper|DictVectorizer)/;

/**
 * Infers the types of all tensors: an operation's results have the type of its first input, unless the ONNX
 * specification defines another.
 *
 * @param nodes in topological order
 * @param known declared types, which take precedence
 */
export function inferTypes(
  nodes: readonly GraphNode[],
  known: ReadonlyMap<string, DType>,
): ReadonlyMap<string, DType> {
  const types = new Map(known);
  for (const node of nodes) {
    const rule = TYPE_RULES[node.op] ?? (OPAQUE_OPS.test(node.op) ? UNKNOWN_RESULT : typeOfInput(0));
    const resultTypes = rule(node, (name) => types.get(name));
    node.outputs.forEach((output, i) => {
      const type = resultTypes[i];
      if (type !== undefined && !types.has(output)) types.set(output, type);
    });
  }
  return types;
}
