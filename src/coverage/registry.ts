import { Registry } from '../extensions/registry.ts';
import { parseExtensionSpec } from '../extensions/spec.ts';
import type { MapMeans } from '../model/model.ts';
import { calibrateByQuantile } from './calibration.ts';
import { attention } from './criteria/attention.ts';
import { boundary, strongActivation } from './criteria/corner-regions.ts';
import { kMultisection } from './criteria/k-multisection.ts';
import { neuron } from './criteria/neuron.ts';
import { nlc } from './criteria/nlc.ts';
import { norm } from './criteria/norm.ts';
import { normValues } from './criteria/norm-values.ts';
import { surprise, surpriseLikelihood } from './criteria/surprise.ts';
import { pattern, topK } from './criteria/top-k.ts';
import { values } from './criteria/values.ts';
import type { CoverageCriterionKind, CoverageCriterionSettings, ResolvedCriterion } from './criterion.ts';
import { DEFAULT_FEEDBACK } from './feedback/registry.ts';
import { loadCriterionPlugin } from './plugin.ts';
import type { ReferenceCollector } from './reference.ts';
import { withoutMasks } from './without-masks.ts';

/** The built-in coverage criteria, and how specs of `--measure` are resolved. */
export const CRITERIA = new Registry<CoverageCriterionKind>({
  flag: '--measure',
  noun: 'criterion',
  listedBy: 'neurofuzz coverage',
  kinds: [
    norm,
    normValues,
    values,
    neuron,
    kMultisection,
    boundary,
    strongActivation,
    topK,
    pattern,
    nlc,
    surprise,
    surpriseLikelihood,
    attention,
  ],
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
  const { observe, layers, calibrate = calibrateByQuantile } = kind.make(parameters, settings);
  return {
    observe: (result) => observe(withoutMasks(result)),
    calibrate,
    ...(layers === undefined ? {} : { layers }),
    feedback: kind.feedback ?? DEFAULT_FEEDBACK,
  };
}

/**
 * The collector of a spec's reference; undefined where the criterion has none.
 *
 * @param isGiven whether the inputs are given as a reference: the seeds are none for some criteria
 * @throws UserError on an unknown criterion or parameter, or a module without a criterion
 */
export async function makeReferenceCollector(
  spec: string,
  settings: CoverageCriterionSettings,
  isGiven: boolean,
): Promise<ReferenceCollector | undefined> {
  const { kind, values: parameters } = await CRITERIA.resolve(spec);
  if (kind.collectReference === undefined || (kind.isReferenceOptional === true && !isGiven))
    return undefined;
  const collector = kind.collectReference(parameters, settings);
  return {
    add: (result) => collector.add(withoutMasks(result)),
    finish: () => collector.finish(),
  };
}

/** Names of the built-in criteria by which test sets can be measured on any model: not those that compare distances. */
export function measurableCriteria(): string[] {
  return CRITERIA.list()
    .filter(({ feedback }) => feedback === 'set' || feedback === 'covariance')
    .map(({ name }) => name);
}

/** How a spec's criterion chooses its tensors; undefined where it watches those of `--coverage auto`, and for a module, which is not loaded. */
export function tensorChoice(spec: string): CoverageCriterionKind['chooseTensors'] {
  return builtInOf(spec)?.chooseTensors;
}

/**
 * The tensors that a run watches for a criterion: for one that looks at means of feature maps, those means where the model can compute
 * them, which leaves out copying the maps. A module, which is not loaded, gets the tensors themselves.
 */
export function observedTensors(
  spec: string,
  tensors: readonly string[],
  mapMeans: MapMeans | undefined,
): readonly string[] {
  if (mapMeans === undefined || builtInOf(spec)?.averagesMaps !== true) return tensors;
  return tensors.map((name) => mapMeans.meanOf(name) ?? name);
}

/** Whether a spec's criterion has a use for reference inputs; undefined for a module, which is not loaded. */
export function usesReference(spec: string): boolean | undefined {
  const kind = builtInOf(spec);
  return kind === undefined ? undefined : kind.collectReference !== undefined;
}

/** Whether a spec's built-in criterion cannot be without reference inputs: the seeds are such where no others are given. */
export function needsReference(spec: string): boolean {
  const kind = builtInOf(spec);
  return kind?.collectReference !== undefined && kind.isReferenceOptional !== true;
}

/** The built-in criterion of a spec; undefined for a module, since loading one runs it. */
function builtInOf(spec: string): CoverageCriterionKind | undefined {
  return CRITERIA.find(parseExtensionSpec(spec).name);
}

/** The help of a spec's criterion; the spec itself for a module, which is not loaded. */
export function criterionHelp(spec: string): string {
  return CRITERIA.find(parseExtensionSpec(spec).name)?.help ?? spec;
}
