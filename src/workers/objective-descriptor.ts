import type { Objective } from '../objectives/objective.ts';

/** An objective as other processes need to know it, as plain data: the objective itself may come from a plug-in. */
export interface ObjectiveDescriptor
  extends Pick<
    Objective,
    'name' | 'tensors' | 'labelled' | 'timed' | 'seedExemption' | 'plugin' | 'marginSignatures'
  > {
  readonly hasMargins: boolean;
  readonly isTwoSided: boolean;
  /** Whether it tells ties from other disagreements, by the noise of a pair of models. */
  readonly tellsTies: boolean;
  /** Whether it can predict margins from the prompt alone, before any token is generated. */
  readonly predictsBeforeOutput: boolean;
  /** Whether its violations are traced to operations. */
  readonly isAttributable: boolean;
  /** Whether its violations say that a seed is broken. */
  readonly breaksSeeds: boolean;
  /** Present where it compares the answers of one testcase in several batches. */
  readonly comparesBatches?: true;
}

export function describeObjective({
  name,
  tensors,
  labelled,
  timed,
  seedExemption,
  plugin,
  marginSignatures,
  margins,
  predictsBeforeOutput,
  isTwoSided,
  tellsTies,
  attribute,
  breaksSeed,
  reruns = [],
}: Objective): ObjectiveDescriptor {
  return {
    name,
    tensors: tensors ?? [],
    labelled: labelled === true,
    timed: timed === true,
    seedExemption,
    hasMargins: margins !== undefined,
    isTwoSided: isTwoSided === true,
    tellsTies: tellsTies === true,
    predictsBeforeOutput: predictsBeforeOutput === true,
    isAttributable: attribute !== undefined,
    breaksSeeds: breaksSeed !== undefined,
    ...(reruns.some((kind) => kind === 'order' || kind === 'alone') ? { comparesBatches: true } : {}),
    ...(marginSignatures === undefined ? {} : { marginSignatures }),
    ...(plugin === undefined ? {} : { plugin }),
  };
}
