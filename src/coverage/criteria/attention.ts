import { UserError } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import type { BatchResult, BatchTensor } from '../../model/batched-model.ts';
import { findAttention } from '../../model/graph/find-attention.ts';
import { readNumber } from '../../tensor/tensor.ts';
import type { CoverageCriterionKind } from '../criterion.ts';
import { isFiniteVector, toFiniteFloat32 } from '../observation.ts';
import { type ReferenceCollector, referencePart } from '../reference.ts';

/** Column sums of a head that count, the largest ones. */
const COLUMN_SUMS = 5;

/** Numbers of a head: entropy, distance, and the largest column sums. */
const FEATURES = 2 + COLUMN_SUMS;

/** Most that a row of attention weights differs from a sum of 1, half precision included. */
const MAX_SUM_ERROR = 0.02;

/**
 * What each head of attention looks at, from its weights `[heads, queries, keys]`: the mean entropy of a query's weights relative to
 * that of equal weights, the mean distance between query and key as a share of the keys, and the five largest sums of weights that a key
 * gets, relative to the queries. Each is taken in units of its standard deviation over the reference inputs. The number of features does
 * not depend on the length of the input.
 */
export const attention: CoverageCriterionKind = {
  name: 'attention',
  help: 'entropy, distance and most regarded keys of each attention head',
  equation:
    'for weights α of q queries and k keys: −Σ α·log α / (q·log k); Σ α·|i − j| / (q·(k − 1)); the 5 largest Σ over queries of α, / q; in standard deviations; new as with values',
  source: 'Vig & Belinkov (BlackboxNLP 2019), for entropy and distance',
  parameters: [],
  chooseTensors(model) {
    const tensors = findAttention(model);
    if (tensors.length > 0)
      return { tensors, why: `the attention weights of ${plural(tensors.length, 'softmax', 'softmaxes')}` };
    throw new UserError(
      '--measure attention: no attention weights were found, a softmax whose result is multiplied with another computed tensor; name them with --coverage',
    );
  },
  collectReference: () => new HeadCollector(),
  make(_values, { reference }) {
    const [means, deviations] = ['means', 'deviations'].map((name) => referencePart(reference, name));
    return {
      observe(result) {
        const features = headFeatures(result);
        const width = features.length / result.rows;
        for (let i = 0; i < features.length; i++) {
          const feature = i % width;
          features[i] = toFiniteFloat32((features[i] - means[feature]) / (deviations[feature] || 1));
        }
        return features;
      },
    };
  },
};

class HeadCollector implements ReferenceCollector {
  #means = new Float64Array(0);
  /** Sums of squared differences from the mean, by Welford's method. */
  #squares = new Float64Array(0);
  #count = 0;

  add(result: BatchResult): void {
    result.activations.forEach((tensor) => checkWeights(tensor, result.rows));
    const features = headFeatures(result);
    const width = features.length / result.rows;
    if (this.#count === 0) {
      this.#means = new Float64Array(width);
      this.#squares = new Float64Array(width);
    }
    for (let row = 0; row < result.rows; row++) {
      // Such as those of an input whose positions are all masked.
      if (!isFiniteVector(features, row * width, width)) continue;
      this.#count++;
      for (let i = 0; i < width; i++) {
        const difference = features[row * width + i] - this.#means[i];
        this.#means[i] += difference / this.#count;
        this.#squares[i] += difference * (features[row * width + i] - this.#means[i]);
      }
    }
  }

  finish() {
    if (this.#count === 0)
      throw new UserError('--measure attention: the attention weights of no reference input are numbers');
    return {
      means: Float32Array.from(this.#means),
      deviations: Float32Array.from(this.#squares, (sum) => Math.sqrt(sum / this.#count)),
    };
  }
}

/** @throws UserError where a tensor of the reference runs does not hold attention weights */
function checkWeights({ name, type, shape, size, data }: BatchTensor, rows: number): void {
  const keys = shape.at(-1) ?? 0;
  let isSound = shape.length >= 2 && keys > 0;
  for (let from = 0; isSound && from < rows * size; from += keys) {
    let sum = 0;
    for (let i = from; i < from + keys; i++) sum += readNumber(type, data, i);
    isSound = !(Math.abs(sum - 1) > MAX_SUM_ERROR);
  }
  if (!isSound)
    throw new UserError(
      `--measure attention: ${name} holds no attention weights, rows of [heads, queries, keys] that sum to 1; name the softmax of the attention with --coverage`,
    );
}

/** The features of all heads, `[rows, FEATURES · heads]`. */
function headFeatures({ rows, activations }: BatchResult): Float32Array {
  const heads = activations.map(({ shape }) => headsOf(shape));
  const width = FEATURES * heads.reduce((sum, count) => sum + count, 0);
  const features = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    let at = row * width;
    activations.forEach((tensor, i) => {
      const size = tensor.size / heads[i];
      for (let head = 0; head < heads[i]; head++, at += FEATURES)
        writeFeatures(tensor, row * tensor.size + head * size, features.subarray(at, at + FEATURES));
    });
  }
  return features;
}

function headsOf(shape: readonly number[]): number {
  return shape.slice(0, -2).reduce((product, size) => product * size, 1);
}

/** @param from of the head's weights in the tensor */
function writeFeatures({ type, shape, data }: BatchTensor, from: number, features: Float32Array): void {
  const [queries, keys] = shape.slice(-2);
  const sums = new Float64Array(keys);
  let entropy = 0;
  let distance = 0;
  for (let query = 0; query < queries; query++) {
    // Where queries and keys differ in number, as in attention over a pooled map, places are compared as shares.
    const place = queries > 1 ? (query / (queries - 1)) * (keys - 1) : 0;
    for (let key = 0; key < keys; key++) {
      const weight = readNumber(type, data, from + query * keys + key);
      sums[key] += weight;
      distance += weight * Math.abs(key - place);
      if (weight > 0) entropy -= weight * Math.log(weight);
    }
  }
  features[0] = keys > 1 ? entropy / (queries * Math.log(keys)) : 0;
  features[1] = keys > 1 ? distance / (queries * (keys - 1)) : 0;
  sums.sort();
  for (let i = 0; i < Math.min(COLUMN_SUMS, keys); i++) features[2 + i] = sums[keys - 1 - i] / queries;
}
