import type { ObjectiveParameter } from '../extensions/parameters.ts';
import { instanceName, type ObjectiveKind } from './objective.ts';
import { OutputDisagreement } from './output-disagreement.ts';

const INFINITE = Number.POSITIVE_INFINITY;

/** Tolerances of two models that should agree: shared by all objectives that compare outputs. */
export const DISAGREEMENT_PARAMETERS: readonly ObjectiveParameter[] = [
  {
    name: 'top',
    help: "another class: the reference's is not among so many of the copy's best",
    between: [1, 1e6],
    integer: true,
  },
  { name: 'atol', help: 'a difference above atol + rtol·|reference| at any value', between: [0, INFINITE] },
  { name: 'rtol', help: 'the relative part of that', between: [0, INFINITE] },
  { name: 'cosine', help: 'the least cosine of the angle between the two outputs', between: [-1, 1] },
  {
    name: 'kl',
    help: "the greatest Kullback-Leibler divergence of the copy's softmax from the reference's, in nats",
    between: [0, INFINITE],
  },
];

function makeKind(name: string, help: string): ObjectiveKind {
  return {
    name,
    help,
    parameters: DISAGREEMENT_PARAMETERS,
    needsSecondModel: true,
    make: ({ values, name: instance }) => new OutputDisagreement(instanceName(name, instance), values, name),
  };
}

export const quantization = makeKind(
  'quantization',
  'a quantized copy that answers otherwise than the model',
);

export const differential = makeKind(
  'differential',
  'another model, or another runtime, that answers otherwise',
);
