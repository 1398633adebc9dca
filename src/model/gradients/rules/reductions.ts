import { type Differentiation, integerOf, listOf, type Rule, upstreamOf } from '../rule.ts';
import { positiveAxis, type Value } from '../tensor-writer.ts';

/** Writes the gradient of a reduction from that of its result and the result, both with the reduced axes kept. */
type ReductionGradient = (
  at: Differentiation,
  g: () => Value,
  y: () => Value,
  axes: readonly number[],
) => Value;

function reduction(gradient: ReductionGradient): Rule {
  return (at) => {
    const { writer: w } = at;
    const shape = at.inputShape(0);
    const axes = reducedAxes(at);
    if (axes === undefined) return undefined;
    const kept = shape.map((size, i) => (axes.includes(i) ? 1 : size));
    const g = () => w.reshape(upstreamOf(at), kept);
    const y = () => w.reshape(at.result(0), kept);
    return [w.expand(gradient(at, g, y, axes), shape)];
  };
}

/** The axes by attribute, or by operand in later versions; all where none are given. */
function reducedAxes(at: Differentiation): readonly number[] | undefined {
  const rank = at.inputShape(0).length;
  const given = listOf(at, 'axes') ?? (at.hasInput(1) ? at.numbers(1) : []);
  if (given === undefined) return undefined;
  if (given.length > 0) return given.map((axis) => positiveAxis(axis, rank));
  return integerOf(at, 'noop_with_empty_axes', 0) !== 0 ? [] : Array.from({ length: rank }, (_, i) => i);
}

/** The gradient goes to all values that are equal to the result. */
const toExtremes: ReductionGradient = (at, g, y) =>
  at.writer.mask(at.writer.compare('Equal', at.operand(0), y()), g());

/** Gradient of y = Π x: y/x. */
const product: ReductionGradient = (at, g, y) => at.writer.div(at.writer.mul(g(), y()), at.operand(0));

/** Sums along an axis in the opposite direction. */
const cumulativeSum: Rule = (at) => {
  const { writer: w } = at;
  const axis = at.numbers(1);
  if (axis === undefined) return undefined;
  const attributes = { exclusive: integerOf(at, 'exclusive', 0), reverse: 1 - integerOf(at, 'reverse', 0) };
  return [w.node('CumSum', [upstreamOf(at), w.integers(axis, [])], at.inputShape(0), attributes)];
};

export const REDUCTION_RULES: Readonly<Record<string, Rule>> = {
  ReduceSum: reduction((_, g) => g()),
  ReduceMean: reduction((at, g, _, axes) =>
    at.writer.scale(g(), 1 / axes.reduce((count, axis) => count * at.inputShape(0)[axis], 1)),
  ),
  ReduceMax: reduction(toExtremes),
  ReduceMin: reduction(toExtremes),
  ReduceProd: reduction(product),
  ReduceL1: reduction((at, g) => at.writer.mul(g(), at.writer.unary('Sign', at.operand(0)))),
  ReduceL2: reduction((at, g, y) => at.writer.div(at.writer.mul(g(), at.operand(0)), y())),
  ReduceSumSquare: reduction((at, g) => at.writer.mul(g(), at.writer.scale(at.operand(0), 2))),
  ReduceLogSum: reduction((at, g, y) => at.writer.div(g(), at.writer.unary('Exp', y()))),
  ReduceLogSumExp: reduction((at, g, y) =>
    at.writer.mul(g(), at.writer.unary('Exp', at.writer.sub(at.operand(0), y()))),
  ),
  CumSum: cumulativeSum,
};
