import { type Differentiation, integerOf, type OperandGradients, type Rule, upstreamOf } from '../rule.ts';
import type { Value } from '../tensor-writer.ts';

/** Makes a rule of one that gives each operand's gradient before broadcasting is undone. */
function broadcasting(gradients: (at: Differentiation, g: Value) => (() => Value)[]): Rule {
  return (at) => {
    const each = gradients(at, upstreamOf(at));
    return at.node.inputs.map((_, i) =>
      at.wants(i) ? at.writer.reduceTo(each[i](), at.inputShape(i)) : undefined,
    );
  };
}

/** The largest or the smallest of several: the gradient goes to all operands that are equal to the result. */
const extreme: Rule = broadcasting((at, g) =>
  at.node.inputs.map(
    (_, i) => () => at.writer.mask(at.writer.compare('Equal', at.operand(i), at.result(0)), g),
  ),
);

/** e·x^(e − 1) at the base, y·ln x at the exponent. */
const power: Rule = (at) => {
  const { writer: w } = at;
  const g = upstreamOf(at);
  const exponent = at.numbers(1);
  const gradients: (Value | undefined)[] = [];
  if (at.wants(0)) {
    const slope =
      exponent?.length === 1
        ? slopeOfPower(at, exponent[0])
        : w.mul(at.operand(1), w.pow(at.operand(0), w.sub(at.operand(1), w.scalar(1))));
    gradients[0] = w.reduceTo(w.mul(g, slope), at.inputShape(0));
  }
  if (at.wants(1)) {
    const slope = w.mul(at.result(0), w.unary('Log', at.operand(0)));
    gradients[1] = w.reduceTo(w.mul(g, slope), at.inputShape(1));
  }
  return gradients;
};

function slopeOfPower(at: Differentiation, exponent: number): Value {
  const { writer: w } = at;
  const x = at.operand(0);
  if (exponent === 0) return w.scalar(0);
  if (exponent === 1) return w.scalar(1);
  if (exponent === 2) return w.scale(x, 2);
  if (exponent === 3) return w.scale(w.mul(x, x), 3);
  return w.scale(w.pow(x, w.scalar(exponent - 1)), exponent);
}

/** a − b·⌊a/b⌋ between its steps; with `fmod` the quotient is rounded toward 0. */
const remainder: Rule = broadcasting((at, g) => [
  () => g,
  () => {
    const { writer: w } = at;
    const quotient = w.div(at.operand(0), at.operand(1));
    const whole =
      integerOf(at, 'fmod', 0) === 0
        ? w.unary('Floor', quotient)
        : w.mul(w.unary('Sign', quotient), w.unary('Floor', w.unary('Abs', quotient)));
    return w.unary('Neg', w.mul(g, whole));
  },
]);

const where: Rule = (at): OperandGradients => {
  const { writer: w } = at;
  const g = upstreamOf(at);
  const condition = at.plainOperand(0);
  return [
    undefined,
    at.wants(1) ? w.reduceTo(w.where(condition, g, w.scalar(0)), at.inputShape(1)) : undefined,
    at.wants(2) ? w.reduceTo(w.where(condition, w.scalar(0), g), at.inputShape(2)) : undefined,
  ];
};

/** Operations of several operands that are broadcast to one shape. */
export const ARITHMETIC_RULES: Readonly<Record<string, Rule>> = {
  Add: broadcasting((_, g) => [() => g, () => g]),
  Sub: broadcasting(({ writer: w }, g) => [() => g, () => w.unary('Neg', g)]),
  Mul: broadcasting((at, g) => [
    () => at.writer.mul(g, at.operand(1)),
    () => at.writer.mul(g, at.operand(0)),
  ]),
  Div: broadcasting((at, g) => [
    () => at.writer.div(g, at.operand(1)),
    () => at.writer.unary('Neg', at.writer.div(at.writer.mul(g, at.result(0)), at.operand(1))),
  ]),
  Sum: broadcasting(({ node }, g) => node.inputs.map(() => () => g)),
  Mean: broadcasting(({ node, writer: w }, g) =>
    node.inputs.map(() => () => w.scale(g, 1 / node.inputs.length)),
  ),
  Mod: remainder,
  Max: extreme,
  Min: extreme,
  Pow: power,
  Where: where,
};
