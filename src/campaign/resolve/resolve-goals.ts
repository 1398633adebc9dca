import type { InputBoxes } from '../../analysis/bounds/input-boxes.ts';
import type { BoundMethod } from '../../analysis/bounds/rule-out.ts';
import type { Interval } from '../../analysis/numerical-sites/interval.ts';
import type { NumericalSite } from '../../analysis/numerical-sites/site.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { type ObjectiveGoal, type SearchGoal, siteGoals } from '../../fuzzer/search/search-goal.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import { canExposeTensors, MAX_EXPOSED_PARAMETERS } from '../../model/can-expose-tensors.ts';
import { AFTER_PROMPT_PREFIX } from '../../model/language/generation.ts';
import type { ModelInfo } from '../../model/model.ts';
import { readNumber } from '../../tensor/tensor.ts';
import type { ObjectiveDescriptor } from '../../workers/objective-descriptor.ts';
import type { ProbeWorker } from '../../workers/probe-worker.ts';
import type { ResolvedInputs } from './inputs.ts';
import type { Notices } from './model-settings.ts';

/** The goals of directed search. */
export interface ResolvedGoals {
  readonly goals: readonly SearchGoal[];
  /** Sites that cannot go wrong within the ranges of the inputs, by name, and how that is shown. */
  readonly unreachableSites: ReadonlyMap<string, BoundMethod>;
  /** Whether there is memory to trace violations, and runs that fail, to operations. */
  readonly traces: boolean;
}

/** Resolves which numerical sites can be reached and which goals tasks may have. */
export async function resolveGoals(
  {
    model,
    sites,
    inputs,
    boxes,
    objectives,
    watched,
  }: {
    readonly model: ModelInfo;
    readonly sites: readonly NumericalSite[];
    readonly inputs: ResolvedInputs;
    readonly boxes: InputBoxes;
    readonly objectives: readonly ObjectiveDescriptor[];
    /** Tensors that coverage observes. */
    readonly watched: readonly string[];
  },
  { guidance }: Pick<CampaignConfig, 'guidance'>,
  probeWorker: ProbeWorker,
  notices: Notices,
): Promise<ResolvedGoals> {
  const reachableSites =
    sites.length === 0
      ? []
      : await probeWorker.reachableSites(valueIntervals(inputs.descriptors, inputs.seeds), boxes);
  const isAttributing = objectives.some(({ isAttributable }) => isAttributable);
  const traces = canExposeTensors(model);
  if (isAttributing && !traces && model.hidesTensors !== true)
    notices.warn(
      `the model has more than ${MAX_EXPOSED_PARAMETERS / 1e6} million weights, too many for sessions with watched tensors: there are no margins, and findings are not traced to operations`,
    );
  const isDirected = guidance === 'auto';
  const observable =
    isAttributing && traces && isDirected
      ? await probeWorker.observableGoals(inputs.seeds[0], siteGoals(reachableSites), watched)
      : [];
  return {
    goals: [...observable, ...(isDirected ? objectiveGoals(objectives, watched) : [])],
    unreachableSites: new Map(
      reachableSites.flatMap(({ name, method }) => (method === undefined ? [] : [[name, method] as const])),
    ),
    traces,
  };
}

/** A goal for each objective that measures margins. */
export function objectiveGoals(
  objectives: readonly ObjectiveDescriptor[],
  watched: readonly string[],
): ObjectiveGoal[] {
  // Lookahead runs the prompt alone: it cannot observe tensors at the end of an answer.
  const canLookAhead = watched.every((name) => name.startsWith(AFTER_PROMPT_PREFIX));
  return objectives
    .filter(({ hasMargins }) => hasMargins)
    .map(({ name, isTwoSided, marginSignatures, predictsBeforeOutput }) => ({
      objective: name,
      isTwoSided,
      ...(marginSignatures === undefined ? {} : { marginSignatures }),
      ...(predictsBeforeOutput && canLookAhead ? { predictsBeforeOutput } : {}),
    }));
}

/**
 * The interval of each input's values, by its name: its range, widened to the values of the seeds. Strings have none, since
 * numbers that are read from them may be any.
 */
export function valueIntervals(
  descriptors: readonly Pick<InputDescriptor, 'name' | 'type' | 'range' | 'strings'>[],
  seeds: Seeds,
): Map<string, Interval> {
  return new Map(
    descriptors.flatMap(({ name, type, range, strings }, i) => {
      if (strings !== undefined) return [];
      let { low, high } = range;
      for (const { inputs } of seeds) {
        for (let k = 0; k < inputs[i].length; k++) {
          const value = readNumber(type, inputs[i], k);
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      }
      return [[name, { low, high }] as const];
    }),
  );
}
