import { countParameters, type Graph } from './graph/graph.ts';

/**
 * Parameters up to which a process may hold sessions that expose tensors: each has a copy of the weights. One number for
 * all machines and any `--jobs`, so that equal campaigns give equal results.
 */
export const MAX_EXPOSED_PARAMETERS = 100e6;

/** Whether a process may hold further sessions of the model that expose tensors: these are not hidden, and there is memory. */
export function canExposeTensors({
  graph,
  hidesTensors,
}: {
  readonly graph: Graph;
  readonly hidesTensors?: true;
}): boolean {
  return hidesTensors !== true && countParameters(graph) <= MAX_EXPOSED_PARAMETERS;
}
