import type { GraphNode } from '../../model/graph/graph.ts';
import { APPROXIMATION_ERROR } from '../numerical-sites/interval-rule.ts';
import { numericAttribute } from '../numerical-sites/site.ts';
import { concave, convex, type RelaxedFunction, type Slopes, secant } from './relaxed-function.ts';

const middle = (low: number, high: number): number => low + (high - low) / 2;

/** Steps of the search for a point of tangency. */
const BISECTIONS = 40;

/**
 * The slope of the tangent of an S-shaped function, which is convex below zero and concave above, through its value at `end`;
 * the secant where the function does not bend away from it (Zhang et al., CROWN, NeurIPS 2018, section 3.3).
 *
 * @param other the interval's other end, between which and zero the point of tangency lies
 */
function tangentThrough(
  f: (x: number) => number,
  derivative: (x: number) => number,
  end: number,
  other: number,
): number {
  const slope = secant(f, end, other);
  if (derivative(other) >= slope) return slope;
  let [near, far] = [0, other];
  for (let i = 0; i < BISECTIONS; i++) {
    const point = (near + far) / 2;
    if (derivative(point) > secant(f, end, point)) near = point;
    else far = point;
  }
  return derivative(far);
}

/** An S-shaped function with its centre at zero. */
const sigmoidal =
  (f: (x: number) => number, derivative: (x: number) => number): Slopes =>
  (low, high) => {
    const tangent = derivative(middle(low, high));
    if (low >= 0) return [secant(f, low, high), tangent];
    if (high <= 0) return [tangent, secant(f, low, high)];
    return [tangentThrough(f, derivative, high, low), tangentThrough(f, derivative, low, high)];
  };

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => (x > 30 ? x : Math.log1p(Math.exp(x)));
const logit = (y: number): number[] => (y > 0 && y < 1 ? [Math.log(y / (1 - y))] : []);

const bothSigns = (values: readonly number[]): number[] => values.flatMap((x) => [x, -x]);

const SIGMOID: RelaxedFunction = {
  f: sigmoid,
  // σ' = σ (1 − σ), solved for the smaller root without cancelling.
  turning: (slope) => bothSigns(logit((2 * slope) / (1 + Math.sqrt(1 - 4 * slope)))),
  slopes: sigmoidal(sigmoid, (x) => sigmoid(x) * sigmoid(-x)),
  approximation: APPROXIMATION_ERROR,
};

const TANH: RelaxedFunction = {
  f: Math.tanh,
  // tanh' = 1 − tanh², as above.
  turning: (slope) =>
    slope > 0 && slope <= 1 ? bothSigns([Math.log((1 + Math.sqrt(1 - slope)) / Math.sqrt(slope))]) : [],
  slopes: sigmoidal(Math.tanh, (x) => 1 - Math.tanh(x) ** 2),
  approximation: APPROXIMATION_ERROR,
};

const EXP: RelaxedFunction = {
  f: Math.exp,
  turning: (slope) => (slope > 0 ? [Math.log(slope)] : []),
  // A tangent further up would be below zero at the lower end.
  slopes: convex(Math.exp, (low, high) => Math.exp(Math.min(middle(low, high), low + 0.99))),
  approximation: 0,
};

const LOG: RelaxedFunction = {
  f: Math.log,
  turning: (slope) => (slope > 0 ? [1 / slope] : []),
  slopes: concave(Math.log, (low, high) => 1 / middle(low, high)),
  approximation: APPROXIMATION_ERROR,
  isSingularAtZero: true,
};

const SQRT: RelaxedFunction = {
  f: Math.sqrt,
  turning: (slope) => (slope > 0 ? [1 / (4 * slope * slope)] : []),
  slopes: concave(Math.sqrt, (low, high) => 0.5 / Math.sqrt(middle(low, high))),
  approximation: 0,
  isSingularAtZero: true,
};

const inverse = (x: number): number => 1 / x;

/** 1 / x on one side of zero. */
export const RECIPROCAL: RelaxedFunction = {
  f: inverse,
  turning: (slope) => (slope < 0 ? [1 / Math.sqrt(-slope), -1 / Math.sqrt(-slope)] : []),
  slopes: (low, high) => (low > 0 ? convex : concave)(inverse, (a, b) => -1 / (a * b))(low, high),
  approximation: 0,
  isSingularAtZero: true,
};

const square = (x: number): number => x * x;

/** x². */
export const SQUARE: RelaxedFunction = {
  f: square,
  turning: (slope) => [slope / 2],
  slopes: convex(square, (low, high) => low + high),
  approximation: 0,
};

const SOFTPLUS: RelaxedFunction = {
  f: softplus,
  turning: logit,
  slopes: convex(softplus, (low, high) => sigmoid(middle(low, high))),
  approximation: APPROXIMATION_ERROR,
};

/** A function of two straight parts that meet at a place, of these slopes. */
function bent(f: (x: number) => number, place: number, before: number, after: number): RelaxedFunction {
  const main = (low: number, high: number): number => (high - place > place - low ? after : before);
  return {
    f,
    turning: () => [place],
    slopes: (after >= before ? convex : concave)(f, main),
    approximation: 0,
  };
}

/** The larger, or the smaller, of a number and a constant. */
export function limitedBelow(least: number): RelaxedFunction {
  return bent((x) => Math.max(least, x), least, 0, 1);
}

export function limitedAbove(most: number): RelaxedFunction {
  return bent((x) => Math.min(most, x), most, 1, 0);
}

/** A number that is kept within limits. */
export function limited(least: number, most: number): RelaxedFunction {
  const f = (x: number): number => Math.min(most, Math.max(least, x));
  const slopes: Slopes = (low, high) => {
    const slope = secant(f, low, high);
    if (low >= least) return [slope, most - middle(low, high) > 0 ? 1 : 0];
    if (high <= most) return [middle(low, high) - least > 0 ? 1 : 0, slope];
    return [slope, slope];
  };
  return { f, turning: () => [least, most], slopes, approximation: 0 };
}

/** A number that is copied, but for its rounding to another type. */
export const COPY: RelaxedFunction = {
  f: (x) => x,
  turning: () => [],
  slopes: () => [1, 1],
  approximation: 0,
};

/** Functions by operator type, of ONNX and TensorFlow. */
const FUNCTIONS: Readonly<Record<string, RelaxedFunction>> = {
  Relu: limitedBelow(0),
  Abs: bent(Math.abs, 0, -1, 1),
  Sigmoid: SIGMOID,
  Tanh: TANH,
  Exp: EXP,
  Log: LOG,
  Sqrt: SQRT,
  Reciprocal: RECIPROCAL,
  Inv: RECIPROCAL,
  Square: SQUARE,
  Softplus: SOFTPLUS,
};

/** The function of an operation with one operand; undefined where its linear bounds are not known. */
export function relaxedFunction(node: GraphNode): RelaxedFunction | undefined {
  if (node.op === 'LeakyRelu') {
    const alpha = numericAttribute(node, 'alpha') ?? 0.01;
    return bent((x) => (x < 0 ? alpha * x : x), 0, alpha, 1);
  }
  return Object.hasOwn(FUNCTIONS, node.op) ? FUNCTIONS[node.op] : undefined;
}
