import { sizeOf } from '../../../tensor/tensor.ts';
import { type Differentiation, integerOf, type Rule, textOf, upstreamOf } from '../rule.ts';
import { positiveAxis } from '../tensor-writer.ts';

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

const gatherElements: Rule = (at) => [
  at.writer.scatterElementsAdd(at.inputShape(0), at.indices(1), upstreamOf(at), axisOf(at)),
];

const gatherNd: Rule = (at) =>
  integerOf(at, 'batch_dims', 0) === 0
    ? [at.writer.scatterSlicesAdd(at.inputShape(0), at.indices(1), upstreamOf(at))]
    : undefined;

/** What was written over has no gradient; the updates have that of where they were written. */
const scatterElements: Rule = (at) => {
  if (textOf(at, 'reduction', 'none') !== 'none') return undefined;
  const { writer: w } = at;
  const g = upstreamOf(at);
  const axis = axisOf(at);
  const indices = at.indices(1);
  const zeros = w.zeros(indices.shape);
  return [
    at.wants(0) ? w.node('ScatterElements', [g, indices, zeros], g.shape, { axis }) : undefined,
    undefined,
    at.wants(2) ? w.node('GatherElements', [g, indices], indices.shape, { axis }) : undefined,
  ];
};

const scatterNd: Rule = (at) => {
  if (textOf(at, 'reduction', 'none') !== 'none') return undefined;
  const { writer: w } = at;
  const g = upstreamOf(at);
  const indices = at.indices(1);
  const updates = at.inputShape(2);
  return [
    at.wants(0) ? w.node('ScatterND', [g, indices, w.zeros(updates)], g.shape) : undefined,
    undefined,
    at.wants(2) ? w.node('GatherND', [g, indices], updates) : undefined,
  ];
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
  ScatterND: scatterNd,
  TopK: topK,
};
