import { type Differentiation, floatOf, type Rule, textOf, upstreamOf } from '../rule.ts';
import type { TensorWriter, Value } from '../tensor-writer.ts';

/** Writes the factor by which a function of one operand passes a gradient on: its derivative. */
export type Derivative = (w: TensorWriter, x: () => Value, y: () => Value, at: Differentiation) => Value;

/** The rule of a function that is applied to each element by itself. */
function pointwise(derivative: Derivative): Rule {
  return (at) => {
    const { writer } = at;
    const factor = derivative(
      writer,
      () => at.operand(0),
      () => at.result(0),
      at,
    );
    return [writer.mul(upstreamOf(at), factor)];
  };
}

/** The rule of a function that passes a gradient on where a condition holds, multiplied by `otherwise` elsewhere. */
function gated(condition: Derivative, otherwise: (at: Differentiation) => number = () => 0): Rule {
  return (at) => {
    const { writer: w } = at;
    const g = upstreamOf(at);
    const slope = otherwise(at);
    const isOpen = condition(
      w,
      () => at.operand(0),
      () => at.result(0),
      at,
    );
    return [w.where(isOpen, g, slope === 0 ? w.scalar(0) : w.scale(g, slope))];
  };
}

const isPositive: Derivative = (w, x) => w.compare('Greater', x(), w.scalar(0));

/** 1/√(1 ± x²) and the like: the reciprocal root of a sum of two terms. */
function reciprocalRoot(w: TensorWriter, a: Value, b: Value): Value {
  return w.unary('Reciprocal', w.unary('Sqrt', w.add(a, b)));
}

const square = (w: TensorWriter, x: Value): Value => w.mul(x, x);

/** Φ(x) + x·φ(x), the derivative of x·Φ(x). */
export const geluExact: Derivative = (w, x) => {
  const cumulative = w.scale(w.add(w.scalar(1), w.unary('Erf', w.scale(x(), Math.SQRT1_2))), 0.5);
  const density = w.scale(w.unary('Exp', w.scale(square(w, x()), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return w.add(cumulative, w.mul(x(), density));
};

/** The derivative of x/2·(1 + tanh(u)) with u = √(2/π)·(x + 0.044715·x³). */
export const geluByTanh: Derivative = (w, x) => {
  const root = Math.sqrt(2 / Math.PI);
  const cube = 0.044715;
  const inner = w.scale(w.mul(x(), w.add(w.scalar(1), w.scale(square(w, x()), cube))), root);
  const t = w.unary('Tanh', inner);
  const slope = w.scale(w.add(w.scalar(1), w.scale(square(w, x()), 3 * cube)), root);
  const bend = w.mul(w.mul(w.scale(x(), 0.5), w.oneMinus(square(w, t))), slope);
  return w.add(w.scale(w.add(w.scalar(1), t), 0.5), bend);
};

/** s·(1 + a·x·(1 − s)) with s = σ(a·x), the derivative of x·σ(a·x). */
function swish(w: TensorWriter, x: Value, alpha: number): Value {
  const s = w.unary('Sigmoid', w.scale(x, alpha));
  return w.mul(s, w.add(w.scalar(1), w.mul(w.scale(x, alpha), w.oneMinus(s))));
}

const identity: Rule = (at) => [upstreamOf(at)];

/** Steps: their gradient is 0, or that of the identity where the caller asks for it. */
const step: Rule = (at) => (at.straightThrough ? identity(at) : undefined);

/** Operations that keep no gradient at all: there is nothing to be said of them. */
const clip: Rule = (at) => {
  const { writer: w } = at;
  const x = at.operand(0);
  let g = upstreamOf(at);
  const low = at.hasInput(1) ? at.operand(1) : limit(at, 'min');
  const high = at.hasInput(2) ? at.operand(2) : limit(at, 'max');
  if (low !== undefined) g = w.where(w.compare('Less', x, low), w.scalar(0), g);
  if (high !== undefined) g = w.where(w.compare('Greater', x, high), w.scalar(0), g);
  return [g];
};

function limit(at: Differentiation, name: string): Value | undefined {
  const value = floatOf(at, name, Number.NaN);
  return Number.isNaN(value) ? undefined : at.writer.scalar(value);
}

/** Between its two bends a hard sigmoid α·x + β has the slope α. */
const hardSigmoid =
  (alpha: number, beta: number): Derivative =>
  (w, x) => {
    const inner = w.add(w.scale(x(), alpha), w.scalar(beta));
    const inside = w.both(w.compare('Greater', inner, w.scalar(0)), w.compare('Less', inner, w.scalar(1)));
    return w.mask(inside, w.scalar(alpha));
  };

const prelu: Rule = (at) => {
  const { writer: w } = at;
  const g = upstreamOf(at);
  const x = at.operand(0);
  const positive = w.compare('Greater', x, w.scalar(0));
  return [
    w.where(positive, g, w.mul(g, at.operand(1))),
    at.wants(1) ? w.reduceTo(w.where(positive, w.scalar(0), w.mul(g, x)), at.inputShape(1)) : undefined,
  ];
};

/** Functions of one operand, each with the derivative of its definition in the ONNX operator set. */
export const ELEMENTWISE_RULES: Readonly<Record<string, Rule>> = {
  Identity: identity,
  Dropout: identity,
  Neg: (at) => [at.writer.unary('Neg', upstreamOf(at))],
  Abs: pointwise((w, x) => w.unary('Sign', x())),
  Relu: gated(isPositive),
  LeakyRelu: gated(isPositive, (at) => floatOf(at, 'alpha', 0.01)),
  PRelu: prelu,
  ThresholdedRelu: gated((w, x, _, at) => w.compare('Greater', x(), w.scalar(floatOf(at, 'alpha', 1)))),
  Elu: pointwise((w, x, _, at) => {
    const alpha = floatOf(at, 'alpha', 1);
    return w.where(isPositive(w, x, x, at), w.scalar(1), w.scale(expOfNegative(w, x()), alpha));
  }),
  Celu: pointwise((w, x, _, at) => {
    const alpha = floatOf(at, 'alpha', 1);
    return w.where(isPositive(w, x, x, at), w.scalar(1), expOfNegative(w, w.scale(x(), 1 / alpha)));
  }),
  Selu: pointwise((w, x, _, at) => {
    const alpha = floatOf(at, 'alpha', Math.fround(1.6732632));
    const gamma = floatOf(at, 'gamma', Math.fround(1.050701));
    return w.where(isPositive(w, x, x, at), w.scalar(gamma), w.scale(expOfNegative(w, x()), alpha * gamma));
  }),
  Sigmoid: pointwise((w, _, y) => w.mul(y(), w.oneMinus(y()))),
  Tanh: pointwise((w, _, y) => w.oneMinus(square(w, y()))),
  Softplus: pointwise((w, x) => w.unary('Sigmoid', x())),
  Softsign: pointwise((w, x) => w.unary('Reciprocal', square(w, w.add(w.scalar(1), w.unary('Abs', x()))))),
  HardSigmoid: pointwise((w, x, y, at) =>
    hardSigmoid(floatOf(at, 'alpha', 0.2), floatOf(at, 'beta', 0.5))(w, x, y, at),
  ),
  HardSwish: pointwise((w, x, y, at) => {
    const inner = w.add(w.scale(x(), 1 / 6), w.scalar(0.5));
    const gate = w.where(
      w.compare('Less', inner, w.scalar(0)),
      w.scalar(0),
      w.where(w.compare('Greater', inner, w.scalar(1)), w.scalar(1), inner),
    );
    return w.add(gate, w.mul(x(), hardSigmoid(1 / 6, 0.5)(w, x, y, at)));
  }),
  Swish: pointwise((w, x, _, at) => swish(w, x(), floatOf(at, 'alpha', 1))),
  QuickGelu: pointwise((w, x, _, at) => swish(w, x(), floatOf(at, 'alpha', 1.702))),
  Mish: pointwise((w, x) => {
    const t = w.unary('Tanh', w.unary('Softplus', x()));
    const bend = w.mul(x(), w.mul(w.oneMinus(square(w, t)), w.unary('Sigmoid', x())));
    return w.add(t, bend);
  }),
  Gelu: pointwise((w, x, y, at) =>
    (textOf(at, 'approximate', 'none') === 'tanh' ? geluByTanh : geluExact)(w, x, y, at),
  ),
  Erf: pointwise((w, x) => w.scale(w.unary('Exp', w.unary('Neg', square(w, x()))), 2 / Math.sqrt(Math.PI))),
  Exp: pointwise((_, __, y) => y()),
  Log: pointwise((w, x) => w.unary('Reciprocal', x())),
  Sqrt: pointwise((w, _, y) => w.div(w.scalar(0.5), y())),
  Reciprocal: pointwise((w, _, y) => w.unary('Neg', square(w, y()))),
  Sin: pointwise((w, x) => w.unary('Cos', x())),
  Cos: pointwise((w, x) => w.unary('Neg', w.unary('Sin', x()))),
  Tan: pointwise((w, _, y) => w.add(w.scalar(1), square(w, y()))),
  Asin: pointwise((w, x) => reciprocalRoot(w, w.scalar(1), w.unary('Neg', square(w, x())))),
  Acos: pointwise((w, x) => w.unary('Neg', reciprocalRoot(w, w.scalar(1), w.unary('Neg', square(w, x()))))),
  Atan: pointwise((w, x) => w.unary('Reciprocal', w.add(w.scalar(1), square(w, x())))),
  Sinh: pointwise((w, x) => w.unary('Cosh', x())),
  Cosh: pointwise((w, x) => w.unary('Sinh', x())),
  Asinh: pointwise((w, x) => reciprocalRoot(w, square(w, x()), w.scalar(1))),
  Acosh: pointwise((w, x) => reciprocalRoot(w, square(w, x()), w.scalar(-1))),
  Atanh: pointwise((w, x) => w.unary('Reciprocal', w.oneMinus(square(w, x())))),
  Shrink: pointwise((w, x, _, at) =>
    w.mask(w.compare('Greater', w.unary('Abs', x()), w.scalar(floatOf(at, 'lambd', 0.5))), w.scalar(1)),
  ),
  Clip: clip,
  Round: step,
  Floor: step,
  Ceil: step,
};

/** eˣ where x is negative, 1 elsewhere, so that nothing overflows. */
function expOfNegative(w: TensorWriter, x: Value): Value {
  return w.unary('Exp', w.where(w.compare('Greater', x, w.scalar(0)), w.scalar(0), x));
}
