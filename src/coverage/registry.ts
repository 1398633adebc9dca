import { Registry } from '../extensions/registry.ts';
import { parseExtensionSpec } from '../extensions/spec.ts';
import { calibrateByQuantile } from './calibration.ts';
import { norm } from './criteria/norm.ts';
import { values } from './criteria/values.ts';
import type { CoverageCriterionKind, CoverageCriterionSettings, ResolvedCriterion } from './criterion.ts';
import { DEFAULT_FEEDBACK } from './feedback/registry.ts';
import { loadCriterionPlugin } from './plugin.ts';
import { withoutMasks } from './without-masks.ts';

/** The built-in coverage criteria, and how specs of `--measure` are resolved. */
export const CRITERIA = new Registry<CoverageCriterionKind>({
  flag: '--measure',
  noun: 'criterion',
  kinds: [norm, values],
  loadPlugin: loadCriterionPlugin,
});

/**
 * Makes the criterion of a spec such as `values:width=128` or `./own.js`.
 *
 * @throws UserError on an unknown criterion or parameter, or a module without a criterion
 */
export async function resolveCriterion(
  spec: string,
  settings: CoverageCriterionSettings,
): Promise<ResolvedCriterion> {
  const { kind, values: parameters } = await CRITERIA.resolve(spec);
  const { observe, calibrate = calibrateByQuantile } = kind.make(parameters, settings);
  return {
    observe: (result) => observe(withoutMasks(result)),
    calibrate,
    feedback: kind.feedback ?? DEFAULT_FEEDBACK,
  };
}

/** The help of a spec's criterion; the spec itself for a module, which is not loaded. */
export function criterionHelp(spec: string): string {
  return CRITERIA.find(parseExtensionSpec(spec).name)?.help ?? spec;
}
