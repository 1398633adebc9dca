import { calibrateByQuantile } from './calibration.ts';
import { norm } from './criteria/norm.ts';
import { values } from './criteria/values.ts';
import type {
  CoverageCriterionKind,
  CoverageCriterionSettings,
  CriterionImplementation,
  ResolvedCriterion,
} from './criterion.ts';
import { DEFAULT_FEEDBACK, type FeedbackName } from './feedback/registry.ts';
import { loadCriterion } from './plugin.ts';

const CRITERIA: readonly CoverageCriterionKind[] = [norm, values];

/**
 * Makes a criterion.
 *
 * @param name of a built-in one, or the path of a module
 * @throws UserError where the module exports none
 */
export async function resolveCriterion(
  name: string,
  settings: CoverageCriterionSettings,
): Promise<ResolvedCriterion> {
  const builtIn = makeCriterion(name, settings);
  if (builtIn !== undefined) return builtIn;
  const { feedback, implementation } = await loadCriterion(name, settings);
  return withDefaults(implementation, feedback);
}

/** Makes a built-in criterion; undefined where there is none of the name. */
export function makeCriterion<N extends string>(
  name: N,
  settings: CoverageCriterionSettings,
): N extends 'norm' | 'values' ? ResolvedCriterion : ResolvedCriterion | undefined;
export function makeCriterion(
  name: string,
  settings: CoverageCriterionSettings,
): ResolvedCriterion | undefined {
  const kind = CRITERIA.find((criterion) => criterion.name === name);
  return kind && withDefaults(kind.make(settings), kind.feedback);
}

function withDefaults(
  { observe, calibrate = calibrateByQuantile }: CriterionImplementation,
  feedback: FeedbackName = DEFAULT_FEEDBACK,
): ResolvedCriterion {
  return { observe, calibrate, feedback };
}

/** The help of a built-in criterion; a module's own name, since it is not loaded for that. */
export function criterionHelp(name: string): string {
  return CRITERIA.find((kind) => kind.name === name)?.help ?? name;
}
