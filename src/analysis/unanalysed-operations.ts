import { countHiddenBodies, type Graph, type GraphNode, searchableGraph } from '../model/graph/graph.ts';
import { isSiteOperation } from './numerical-sites/site-kinds.ts';

/**
 * Operators of ONNX that divide, take roots or add up powers and of which no site is known: what they hold is computed
 * within them.
 */
const UNANALYSED_OPS: ReadonlySet<string> = new Set([
  'CausalConvWithState',
  'Det',
  'DynamicQuantizeLinear',
  'GlobalLpPool',
  'LRN',
  'LinearAttention',
  'LpPool',
]);

/**
 * Operators of other sets that give finite numbers for finite ones, or integers: activations without a pole, lookups,
 * trees, arithmetic of integers and what only moves values.
 */
const SAFE_OPS: ReadonlySet<string> = new Set([
  // com.microsoft: fused activations, whose exponential or hyperbolic tangent has a bound.
  'BiasGelu',
  'BiasSplitGelu',
  'BiasDropout',
  'BiasAdd',
  'FastGelu',
  'Gelu',
  'QuickGelu',
  'FusedConv',
  'FusedGemm',
  'FusedMatMul',
  'FusedMatMulActivation',
  'GatherND',
  'ExpandDims',
  'Pad',
  'Range',
  'RotaryEmbedding',
  'Trilu',
  'Unique',
  'NhwcMaxPool',
  'NhwcConv',
  'TransposeMatMul',
  'Tokenizer',
  'WordConvEmbedding',
  // Integers, which saturate.
  'MatMulInteger16',
  'MatMulIntegerToFloat',
  'MatMulNBits',
  'DynamicQuantizeMatMul',
  'DequantizeLinear',
  'QuantizeLinear',
  'DequantizeBFP',
  'GatherBlockQuantized',
  'MulInteger',
  'QGemm',
  'QOrderedMatMul',
  'QuantizeWithOrder',
  'DequantizeWithOrder',
  'ReduceSumInteger',
  // ai.onnx.ml
  'ArrayFeatureExtractor',
  'Binarizer',
  'CastMap',
  'CategoryMapper',
  'DictVectorizer',
  'FeatureVectorizer',
  'Imputer',
  'LabelEncoder',
  'LinearRegressor',
  'OneHotEncoder',
  'Scaler',
  'TreeEnsemble',
  'TreeEnsembleClassifier',
  'TreeEnsembleRegressor',
  'ZipMap',
]);

/** What the search for numerical sites leaves out. */
export interface UnanalysedOperations {
  /** How often each operator occurs of which nothing is known, by the order in the graph. */
  readonly operators: Readonly<Record<string, number>>;
  /** Number of bodies and functions that are not looked into. */
  readonly hiddenBodies: number;
}

/** Operations that may make a NaN or an infinity for all that is known, and are no sites. */
export function findUnanalysedOperations(graph: Graph): UnanalysedOperations {
  const operators: Record<string, number> = {};
  for (const node of searchableGraph(graph).nodes)
    if (isUnanalysed(node)) operators[node.op] = (operators[node.op] ?? 0) + 1;
  return { operators, hiddenBodies: countHiddenBodies(graph) };
}

function isUnanalysed({ op, domain }: GraphNode): boolean {
  if (domain === undefined) return UNANALYSED_OPS.has(op);
  return !isSiteOperation(op) && !SAFE_OPS.has(op) && !op.startsWith('QLinear');
}
