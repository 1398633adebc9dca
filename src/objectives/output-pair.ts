import type { BatchResult, BatchTensor } from '../model/batched-model.ts';
import { DTYPES } from '../tensor/tensor.ts';

/** How far two models may disagree; a rule that is undefined is not checked. */
export interface DisagreementRules {
  /** The reference's class must be among this many greatest values of the second model. */
  readonly top: number | undefined;
  readonly atol: number | undefined;
  readonly rtol: number;
  /** Smallest cosine similarity. */
  readonly cosine: number | undefined;
  /** Greatest Kullback-Leibler divergence, in nats. */
  readonly kl: number | undefined;
  /** Least gap of a disagreement about the class, on both sides; see `ClassGap`. */
  readonly confident: number;
  /** Whether disagreements within the models' noise are told apart, as ties. */
  readonly tellsTies: boolean;
}

/** One output as both models give it. */
export interface OutputPair {
  readonly reference: BatchTensor;
  readonly second: BatchTensor;
}

/** Pairs the outputs of two models by name; outputs that only one of them has are left out. */
export function matchOutputs({ outputs, secondOutputs = [] }: BatchResult): OutputPair[] {
  return secondOutputs.flatMap((second) => {
    const reference = outputs.find(({ name }) => name === second.name);
    return reference === undefined ? [] : [{ reference, second }];
  });
}

/** Whether a row of an output names a class: an integer, or floats with several values along the last axis. */
export function hasClasses(tensor: BatchTensor): boolean {
  return DTYPES[tensor.type].kind === 'float' ? lastAxisLength(tensor) > 1 : true;
}

/** Length of the last axis, at least 1. */
export function lastAxisLength({ shape, size }: BatchTensor): number {
  return Math.max(1, shape.at(-1) ?? size);
}
