import type { ModelTensors, Objective } from '../objectives/objective.ts';

/** Inner tensors that objectives read: neither inputs nor outputs, so a run must expose them. */
export function objectiveTensors(
  objectives: readonly Pick<Objective, 'tensors' | 'chooseTensors'>[],
  model: ModelTensors,
): string[] {
  const { inputs, outputs } = model;
  const available = new Set([...inputs.map(({ name }) => name), ...outputs]);
  const read = objectives.flatMap((objective) => [
    ...(objective.tensors ?? []),
    ...(objective.chooseTensors?.(model) ?? []),
  ]);
  return [...new Set(read)].filter((name) => !available.has(name));
}

/** Inner tensors exposed in every run: those for coverage, followed by those of objectives. */
export function watchedTensors(
  coverageTensors: readonly string[],
  objectives: readonly Pick<Objective, 'tensors' | 'chooseTensors'>[],
  model: ModelTensors,
): string[] {
  return [...new Set([...coverageTensors, ...objectiveTensors(objectives, model)])];
}
