import { UserError } from '../core/errors.ts';
import { importPluginKind } from '../extensions/plugin-loader.ts';
import type { CoverageCriterion, CoverageCriterionKind, CoverageCriterionSettings } from './criterion.ts';

/** A criterion as a plug-in makes it; older plug-ins call `observe` `vectors`. */
type PluginCriterion = ReturnType<CoverageCriterionKind['make']> & {
  readonly vectors?: CoverageCriterion['observe'];
};

/**
 * Loads a measure from a module of the user's: its default export, as `defineCoverage` makes it. Its errors say whose
 * they are.
 *
 * @throws UserError where the module can't be loaded or exports no measure; its methods where it fails
 */
export async function loadCriterion(
  path: string,
  settings: CoverageCriterionSettings,
): Promise<ReturnType<CoverageCriterionKind['make']>> {
  const { kind, named } = await importPluginKind<CoverageCriterionKind>('--measure', path, 'coverage');
  const made: PluginCriterion = named(() => kind.make(settings));
  const observe = made?.observe ?? made?.vectors;
  if (typeof observe !== 'function')
    throw new UserError(`--measure: the plug-in ${path} makes nothing with a function observe`);
  const { calibrate } = made;
  let width: number | undefined;
  const checked: CoverageCriterion['observe'] = (result) =>
    named(() => {
      const all = observe.call(made, result);
      width ??= all?.length / result.rows;
      if (!(all instanceof Float32Array) || width < 1 || all.length !== width * result.rows)
        throw new Error(
          `observe must give a Float32Array of rows times width, ${result.rows} times ${width}`,
        );
      return all;
    });
  return calibrate === undefined
    ? { observe: checked }
    : { observe: checked, calibrate: (walk) => named(() => calibrate.call(made, walk)) };
}
