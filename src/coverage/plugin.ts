import type { ParameterValues } from '../extensions/parameters.ts';
import {
  type ExportedKind,
  importPluginKind,
  type PluginKind,
  type PluginKindOptions,
} from '../extensions/plugin-kind.ts';
import type {
  CoverageCriterion,
  CoverageCriterionKind,
  CoverageCriterionSettings,
  CriterionImplementation,
} from './criterion.ts';
import { FEEDBACK_NAMES, type FeedbackName, isFeedbackName } from './feedback/registry.ts';
import type { CoverageReference, ReferenceCollector } from './reference.ts';

/** A criterion as a plug-in makes it, with the name of older plug-ins. */
interface PluginCriterion extends CriterionImplementation {
  /** @deprecated `observe` in older plug-ins */
  readonly vectors?: CoverageCriterion['observe'];
}

interface ExportedCriterionKind extends Omit<ExportedKind<PluginCriterion>, 'make'> {
  readonly feedback?: FeedbackName;
  readonly equation?: string;
  readonly collectReference?: NonNullable<CoverageCriterionKind['collectReference']>;
  make(values: ParameterValues, settings: CoverageCriterionSettings): PluginCriterion;
}

const OPTIONS: PluginKindOptions<ExportedCriterionKind> = {
  flag: '--measure',
  noun: 'coverage',
  hasSingleObjectForm: true,
  describeDefect({ feedback }) {
    if (feedback === undefined || isFeedbackName(feedback)) return undefined;
    return `has the feedback ${JSON.stringify(feedback)}: it must be ${FEEDBACK_NAMES.join(' or ')}`;
  },
};

/**
 * Loads a criterion from a plug-in module: its default export, as `defineCoverage` returns it.
 *
 * @throws UserError if the module can't be loaded or exports no criterion
 */
export async function loadCriterionPlugin(path: string): Promise<CoverageCriterionKind> {
  const plugin = await importPluginKind(path, OPTIONS);
  const { feedback, equation, collectReference } = plugin.exported;
  return {
    ...plugin.base,
    ...(feedback === undefined ? {} : { feedback }),
    ...(equation === undefined ? {} : { equation }),
    ...(collectReference === undefined
      ? {}
      : {
          collectReference: (values, settings) =>
            guardCollector(
              plugin,
              plugin.guard(() => collectReference(values, settings)),
            ),
        }),
    make: (values, settings) => makePluginCriterion(plugin, values, settings),
  };
}

/** A collector whose errors name its module, and whose reference is checked. */
function guardCollector(
  plugin: PluginKind<ExportedCriterionKind, PluginCriterion>,
  collector: ReferenceCollector,
): ReferenceCollector {
  plugin.requireMethod(collector, 'add');
  plugin.requireMethod(collector, 'finish');
  return {
    add: (result) => plugin.guard(() => collector.add(result)),
    finish: () =>
      plugin.guard(() => {
        const reference: unknown = collector.finish();
        const isReference =
          typeof reference === 'object' &&
          reference !== null &&
          Object.values(reference).every((part) => part instanceof Float32Array);
        if (!isReference) throw new Error('finish must give an object whose values are Float32Arrays');
        return reference as CoverageReference;
      }),
  };
}

/** A criterion whose errors name its module, and whose observations are checked. */
function makePluginCriterion(
  plugin: PluginKind<ExportedCriterionKind, PluginCriterion>,
  values: ParameterValues,
  settings: CoverageCriterionSettings,
): CriterionImplementation {
  const criterion = plugin.make(values, settings);
  const method = criterion?.observe === undefined && criterion?.vectors !== undefined ? 'vectors' : 'observe';
  plugin.requireMethod(criterion, method);
  const { calibrate } = criterion;
  const observe = criterion.observe ?? criterion.vectors;
  let width: number | undefined;
  const checked: CoverageCriterion['observe'] = (result) =>
    plugin.guard(() => {
      const observations = observe.call(criterion, result);
      width ??= observations?.length / result.rows;
      if (!(observations instanceof Float32Array) || width < 1 || observations.length !== width * result.rows)
        throw new Error(
          `${method} must give a Float32Array of rows times width, ${result.rows} times ${width}`,
        );
      return observations;
    });
  const { layers } = criterion;
  return {
    observe: checked,
    ...(calibrate === undefined
      ? {}
      : { calibrate: (walk) => plugin.guard(() => calibrate.call(criterion, walk)) }),
    ...(layers === undefined ? {} : { layers: () => plugin.guard(() => layers.call(criterion)) }),
  };
}
