import { type Differentiation, listOf, type Rule, textOf, upstreamOf } from '../rule.ts';
import type { Value } from '../tensor-writer.ts';
import { gatherLast } from './indexing.ts';
import { concat } from './layout.ts';
import { lpNormalization } from './normalization.ts';

/** Operations of the domain that converters of scikit-learn write. Ensembles of trees are steps: their gradient is 0. */

/** (x − offset)·scale. */
const scaler: Rule = (at) => {
  const scale = listOf(at, 'scale');
  const g = upstreamOf(at);
  return [scale === undefined ? g : at.writer.mul(g, rowOf(at, scale))];
};

function rowOf(at: Differentiation, values: readonly number[]): Value {
  return at.writer.floats(Float32Array.from(values), [1, values.length]);
}

/** x/‖x‖ of each row. */
const normalizer: Rule = (at) => {
  const norm = textOf(at, 'norm', 'MAX');
  if (norm === 'MAX') return undefined;
  const attributes = { axis: 1, p: norm === 'L1' ? 1 : 2 };
  return lpNormalization({ ...at, node: { ...at.node, attributes } });
};

/** Values that were not replaced pass the gradient on. */
const imputer: Rule = (at) => [
  at.writer.mask(at.writer.compare('Equal', at.operand(0), at.result(0)), upstreamOf(at)),
];

/** Inputs next to each other in each row. */
const featureVectorizer: Rule = (at) => {
  if (at.node.inputs.some((_, i) => at.inputShape(i).length !== 2)) return undefined;
  return concat({ ...at, node: { ...at.node, attributes: { axis: 1 } } });
};

/** g·W, W being `[results, features]`. */
function throughCoefficients(at: Differentiation, g: Value): Value | undefined {
  const coefficients = listOf(at, 'coefficients') ?? [];
  const [, features] = at.inputShape(0);
  const [rows, results] = g.shape;
  // Of two classes some converters write the coefficients of one.
  if (coefficients.length !== features * results || rows !== at.inputShape(0)[0]) return undefined;
  return at.writer.matmul(g, at.writer.floats(Float32Array.from(coefficients), [results, features]));
}

const linearRegressor: Rule = (at) => {
  if (textOf(at, 'post_transform', 'NONE') !== 'NONE') return undefined;
  const gradient = throughCoefficients(at, upstreamOf(at));
  return gradient && [gradient];
};

/** The second output has the scores of classes; the first one, labels, is a step of them. */
const linearClassifier: Rule = (at) => {
  const { writer: w } = at;
  const arriving = at.upstream(1);
  if (arriving === undefined) return [];
  const transform = textOf(at, 'post_transform', 'NONE');
  const y = at.result(1);
  let g = arriving;
  if (transform === 'LOGISTIC') g = w.mul(g, w.mul(y, w.oneMinus(y)));
  else if (transform === 'SOFTMAX') g = w.mul(y, w.sub(g, w.reduceSum(w.mul(g, y), [1])));
  else if (transform !== 'NONE') return undefined;
  const gradient = throughCoefficients(at, g);
  return gradient && [gradient];
};

export const CLASSICAL_RULES: Readonly<Record<string, Rule>> = {
  'ai.onnx.ml.Scaler': scaler,
  'ai.onnx.ml.Normalizer': normalizer,
  'ai.onnx.ml.Imputer': imputer,
  'ai.onnx.ml.FeatureVectorizer': featureVectorizer,
  'ai.onnx.ml.ArrayFeatureExtractor': gatherLast,
  'ai.onnx.ml.LinearRegressor': linearRegressor,
  'ai.onnx.ml.LinearClassifier': linearClassifier,
};
