/** Fréchet distance of pictures by the features of a classifier (Heusel et al. 2017). */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { drawNormal, randomStream } from '../src/core/random.ts';

const FEATURES = 24;
const CLASSES = 10;
const BATCH = 100;
const STEPS = 600;
const RATE = 3e-3;

/** Trains a classifier of labelled pictures, `[count, pixels]`, and returns what its hidden layer makes of others. */
export function trainFeatures(
  images: Float32Array,
  labels: ArrayLike<number>,
  pixels: number,
  seed: string,
): (pictures: Float32Array) => Float64Array {
  const random = randomStream(seed, 'features');
  const variable = (rows: number, columns: number): tf.Variable =>
    tf.variable(
      tf.tensor2d(
        Float32Array.from({ length: rows * columns }, () => drawNormal(random) / Math.sqrt(rows)),
        [rows, columns],
      ),
    );
  const hidden = variable(pixels, FEATURES);
  const bias = tf.variable(tf.zeros([FEATURES]));
  const last = variable(FEATURES, CLASSES);
  const features = (x: tf.Tensor2D): tf.Tensor2D =>
    tf.relu(tf.add(tf.matMul(x, hidden as tf.Tensor2D), bias)) as tf.Tensor2D;
  const optimizer = tf.train.adam(RATE);
  for (let step = 0; step < STEPS; step++)
    tf.tidy(() => {
      const x = new Float32Array(BATCH * pixels);
      const y = new Float32Array(BATCH * CLASSES);
      for (let row = 0; row < BATCH; row++) {
        const image = random.below(labels.length);
        x.set(images.subarray(image * pixels, (image + 1) * pixels), row * pixels);
        y[row * CLASSES + labels[image]] = 1;
      }
      const [input, wanted] = [tf.tensor2d(x, [BATCH, pixels]), tf.tensor2d(y, [BATCH, CLASSES])];
      optimizer.minimize(
        () =>
          tf.neg(
            tf.mean(
              tf.sum(tf.mul(wanted, tf.logSoftmax(tf.matMul(features(input), last as tf.Tensor2D))), 1),
            ),
          ) as tf.Scalar,
      );
    });
  return (pictures) => {
    const made = tf.tidy(() => features(tf.tensor2d(pictures, [pictures.length / pixels, pixels])));
    const values = Float64Array.from(made.dataSync());
    made.dispose();
    return values;
  };
}

/** Fréchet distance of two sets of features, `[count, FEATURES]`, as normal distributions. */
export function frechetDistance(a: Float64Array, b: Float64Array): number {
  const [first, second] = [moments(a), moments(b)];
  const apart = first.mean.reduce((sum, value, i) => sum + (value - second.mean[i]) ** 2, 0);
  // The trace of the root of A·B is that of the root of √A·B·√A, which is symmetric.
  const root = powerOf(first.covariance, 0.5);
  const middle = multiply(multiply(root, second.covariance), root);
  const traceOfRoot = eigen(middle).values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  const trace = (matrix: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < FEATURES; i++) sum += matrix[i * FEATURES + i];
    return sum;
  };
  return apart + trace(first.covariance) + trace(second.covariance) - 2 * traceOfRoot;
}

function moments(features: Float64Array): { mean: Float64Array; covariance: Float64Array } {
  const count = features.length / FEATURES;
  const mean = new Float64Array(FEATURES);
  const covariance = new Float64Array(FEATURES * FEATURES);
  for (let row = 0; row < count; row++)
    for (let i = 0; i < FEATURES; i++) mean[i] += features[row * FEATURES + i] / count;
  for (let row = 0; row < count; row++)
    for (let i = 0; i < FEATURES; i++)
      for (let j = 0; j < FEATURES; j++)
        covariance[i * FEATURES + j] +=
          ((features[row * FEATURES + i] - mean[i]) * (features[row * FEATURES + j] - mean[j])) / (count - 1);
  return { mean, covariance };
}

function multiply(a: Float64Array, b: Float64Array): Float64Array {
  const product = new Float64Array(a.length);
  for (let i = 0; i < FEATURES; i++)
    for (let k = 0; k < FEATURES; k++)
      for (let j = 0; j < FEATURES; j++)
        product[i * FEATURES + j] += a[i * FEATURES + k] * b[k * FEATURES + j];
  return product;
}

function powerOf(matrix: Float64Array, exponent: number): Float64Array {
  const { values, vectors } = eigen(matrix);
  const out = new Float64Array(matrix.length);
  for (let k = 0; k < FEATURES; k++) {
    const power = Math.max(0, values[k]) ** exponent;
    for (let i = 0; i < FEATURES; i++)
      for (let j = 0; j < FEATURES; j++)
        out[i * FEATURES + j] += power * vectors[i * FEATURES + k] * vectors[j * FEATURES + k];
  }
  return out;
}

/** Eigenvalues of a symmetric matrix, and eigenvectors as columns, by Jacobi's rotations. */
function eigen(matrix: Float64Array): { values: number[]; vectors: Float64Array } {
  const n = FEATURES;
  const a = matrix.slice();
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  for (let sweep = 0; sweep < 50; sweep++) {
    let rest = 0;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        rest += a[p * n + q] ** 2;
        if (Math.abs(a[p * n + q]) < 1e-300) continue;
        const theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[k * n + p], a[k * n + q]];
          a[k * n + p] = c * x - s * y;
          a[k * n + q] = s * x + c * y;
        }
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[p * n + k], a[q * n + k]];
          a[p * n + k] = c * x - s * y;
          a[q * n + k] = s * x + c * y;
        }
        for (let k = 0; k < n; k++) {
          const [x, y] = [vectors[k * n + p], vectors[k * n + q]];
          vectors[k * n + p] = c * x - s * y;
          vectors[k * n + q] = s * x + c * y;
        }
      }
    if (rest < 1e-20) break;
  }
  return { values: Array.from({ length: n }, (_, i) => a[i * n + i]), vectors };
}
