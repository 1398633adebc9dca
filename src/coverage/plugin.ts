import { UserError } from '../core/errors.ts';
import { importPluginKind } from '../extensions/plugin-loader.ts';
import type {
  CoverageCriterion,
  CoverageCriterionKind,
  CoverageCriterionSettings,
  CriterionImplementation,
} from './criterion.ts';
import { FEEDBACK_NAMES, type FeedbackName, isFeedbackName } from './feedback/registry.ts';

/** A criterion as a plug-in makes it; older plug-ins call `observe` `vectors`. */
type PluginCriterion = CriterionImplementation & { readonly vectors?: CoverageCriterion['observe'] };

/** A plug-in's criterion, its observations checked, with the feedback that it names. */
export interface LoadedCriterion {
  readonly feedback: FeedbackName | undefined;
  readonly implementation: CriterionImplementation;
}

/**
 * Loads a criterion from a module: its default export, as `defineCoverage` makes it. Errors of its methods name the module.
 *
 * @throws UserError where the module can't be loaded or exports no criterion; from its methods where they fail
 */
export async function loadCriterion(
  path: string,
  settings: CoverageCriterionSettings,
): Promise<LoadedCriterion> {
  const { kind, named } = await importPluginKind<CoverageCriterionKind>('--measure', path, 'coverage');
  const { feedback } = kind;
  if (feedback !== undefined && !isFeedbackName(feedback))
    throw new UserError(
      `--measure: the plug-in ${path} has the feedback ${JSON.stringify(feedback)}: it must be ${FEEDBACK_NAMES.join(' or ')}`,
    );
  const criterion: PluginCriterion = named(() => kind.make(settings));
  const observe = criterion?.observe ?? criterion?.vectors;
  if (typeof observe !== 'function')
    throw new UserError(`--measure: the plug-in ${path} makes nothing with a function observe`);
  let width: number | undefined;
  const checked: CoverageCriterion['observe'] = (result) =>
    named(() => {
      const observations = observe.call(criterion, result);
      width ??= observations?.length / result.rows;
      if (!(observations instanceof Float32Array) || width < 1 || observations.length !== width * result.rows)
        throw new Error(
          `observe must give a Float32Array of rows times width, ${result.rows} times ${width}`,
        );
      return observations;
    });
  const { calibrate } = criterion;
  return {
    feedback,
    implementation: {
      observe: checked,
      ...(calibrate === undefined
        ? {}
        : { calibrate: (walk) => named(() => calibrate.call(criterion, walk)) }),
    },
  };
}
