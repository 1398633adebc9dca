import type { Model } from '../model/model.ts';
import type { Objective } from '../objectives/objective.ts';

/** Inner tensors that objectives read: neither inputs nor outputs, so a run must expose them. */
export function objectiveTensors(
  objectives: readonly Pick<Objective, 'tensors'>[],
  { inputs, outputs }: Pick<Model, 'inputs' | 'outputs'>,
): string[] {
  const available = new Set([...inputs.map(({ name }) => name), ...outputs]);
  return [...new Set(objectives.flatMap(({ tensors = [] }) => tensors))].filter(
    (name) => !available.has(name),
  );
}

/** Inner tensors exposed in every run: those for coverage, followed by those of objectives. */
export function watchedTensors(
  coverageTensors: readonly string[],
  objectives: readonly Pick<Objective, 'tensors'>[],
  model: Pick<Model, 'inputs' | 'outputs'>,
): string[] {
  return [...new Set([...coverageTensors, ...objectiveTensors(objectives, model)])];
}
