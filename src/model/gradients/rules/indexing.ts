import { sizeOf } from '../../../tensor/tensor.ts';
import {
  type Differentiation,
  integerOf,
  type OperandGradients,
  type Rule,
  textOf,
  upstreamOf,
} from '../rule.ts';
import { positiveAxis, type Value } from '../tensor-writer.ts';

function axisOf(at: Differentiation, fallback = 0): number {
  return positiveAxis(integerOf(at, 'axis', fallback), at.inputShape(0).length);
}

/** Each slice of the gradient is added to the one that it was taken from. */
const gather: Rule = (at) => {
  const { writer: w } = at;
  const shape = at.inputShape(0);
  const axis = axisOf(at);
  const indices = at.indices(1);
  const count = sizeOf(indices.shape);
  const flat = [...shape.slice(0, axis), count, ...shape.slice(axis + 1)];
  return [w.scatterAdd(w.reshape(upstreamOf(at), flat), axis, w.reshape(indices, [count]).name, shape[axis])];
};

/** Columns that are taken along the last axis. */
export const gatherLast: Rule = (at) => {
  const { writer: w } = at;
  const shape = at.inputShape(0);
  const axis = shape.length - 1;
  const indices = at.indices(1);
  const count = sizeOf(indices.shape);
  const g = w.reshape(upstreamOf(at), [...shape.slice(0, axis), count]);
  return [w.scatterAdd(g, axis, w.reshape(indices, [count]).name, shape[axis])];
};

const gatherElements: Rule = (at) => [
  at.writer.scatterElementsAdd(at.inputShape(0), at.indices(1), upstreamOf(at), axisOf(at)),
];

/** Batch axes become one, whose index goes before the others. */
const gatherNd: Rule = (at) => {
  const { writer: w } = at;
  const shape = at.inputShape(0);
  const batchAxes = integerOf(at, 'batch_dims', 0);
  const indices = at.indices(1);
  if (batchAxes === 0) return [w.scatterSlicesAdd(shape, indices, upstreamOf(at))];
  const rows = sizeOf(shape.slice(0, batchAxes));
  const depth = indices.shape[indices.shape.length - 1];
  const each = sizeOf(indices.shape.slice(batchAxes, -1));
  const numbers = w.integers(
    Array.from({ length: rows * each }, (_, i) => Math.floor(i / each)),
    [rows * each, 1],
  );
  const flat = w.reshape(indices, [rows * each, depth]);
  const full = w.node('Concat', [numbers, flat], [rows * each, depth + 1], { axis: 1 });
  const rest = shape.slice(batchAxes);
  const updates = w.reshape(upstreamOf(at), [rows * each, ...rest.slice(depth)]);
  return [w.reshape(w.scatterSlicesAdd([rows, ...rest], full, updates), shape)];
};

/**
 * The gradients of data and updates where the updates are written over, added, multiplied, or the larger or the smaller of both
 * counts. Without duplicates among the indices, as the definition of the first demands.
 *
 * @param take reads at the indices
 * @param clear sets 0 at the indices
 */
function scattered(
  at: Differentiation,
  take: (x: Value) => Value,
  clear: (g: Value) => Value,
): OperandGradients | undefined {
  const { writer: w } = at;
  const g = upstreamOf(at);
  const withNone = (data: () => Value, updates: () => Value): OperandGradients => [
    at.wants(0) ? data() : undefined,
    undefined,
    at.wants(2) ? updates() : undefined,
  ];
  switch (textOf(at, 'reduction', 'none')) {
    case 'none':
      return withNone(
        () => clear(g),
        () => take(g),
      );
    case 'add':
      return withNone(
        () => g,
        () => take(g),
      );
    case 'mul':
      return withNone(
        () => w.div(w.mul(g, at.result(0)), at.operand(0)),
        () => w.div(take(w.mul(g, at.result(0))), at.operand(2)),
      );
    default:
      return withNone(
        () => w.mask(w.compare('Equal', at.operand(0), at.result(0)), g),
        () => w.mask(w.compare('Equal', at.operand(2), take(at.result(0))), take(g)),
      );
  }
}

const scatterElements: Rule = (at) => {
  const { writer: w } = at;
  const axis = axisOf(at);
  const indices = at.indices(1);
  return scattered(
    at,
    (x) => w.node('GatherElements', [x, indices], indices.shape, { axis }),
    (g) => w.node('ScatterElements', [g, indices, w.zeros(indices.shape)], g.shape, { axis }),
  );
};

const scatterNd: Rule = (at) => {
  const { writer: w } = at;
  const indices = at.indices(1);
  const updates = at.inputShape(2);
  return scattered(
    at,
    (x) => w.node('GatherND', [x, indices], updates),
    (g) => w.node('ScatterND', [g, indices, w.zeros(updates)], g.shape),
  );
};

/** Each row of the gradient is reversed as that of the input was. */
const reverseSequence: Rule = (at) => {
  const attributes = { batch_axis: integerOf(at, 'batch_axis', 1), time_axis: integerOf(at, 'time_axis', 0) };
  return [at.writer.node('ReverseSequence', [upstreamOf(at), at.indices(1)], at.inputShape(0), attributes)];
};

/** The gradient of what a constant condition keeps goes back to where it was. */
const compress: Rule = (at) => {
  const { writer: w } = at;
  const condition = at.numbers(1);
  if (condition === undefined) return undefined;
  const positions = condition.flatMap((keeps, i) => (keeps === 0 ? [] : [i]));
  const shape = at.inputShape(0);
  if (at.node.attributes?.axis !== undefined)
    return [w.scatterAdd(upstreamOf(at), axisOf(at), w.integers(positions), shape[axisOf(at)])];
  return [w.reshape(w.scatterAdd(upstreamOf(at), 0, w.integers(positions), sizeOf(shape)), shape)];
};

/** The gradient of the largest values goes to where they were. */
const topK: Rule = (at) => {
  const { writer: w } = at;
  if ((at.node.outputs[1] ?? '') === '') return undefined;
  return [w.scatterElementsAdd(at.inputShape(0), at.resultIndices(1), upstreamOf(at), axisOf(at, -1))];
};

export const INDEXING_RULES: Readonly<Record<string, Rule>> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ScatterElements: scatterElements,
  Scatter: scatterElements,
  ReverseSequence: reverseSequence,
  Compress: compress,
  ScatterND: scatterNd,
  TopK: topK,
};
