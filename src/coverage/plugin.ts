import { UserError } from '../core/errors.ts';
import { importKind } from '../extensions/plugin-loader.ts';
import type { Measure, MeasureKind, MeasureSettings } from './criterion.ts';

/**
 * Loads a measure from a module of the user's: its default export, as `defineCoverage` makes it. Its errors say whose
 * they are.
 *
 * @throws UserError where the module can't be loaded or exports no measure; its methods where it fails
 */
export async function loadMeasure(
  path: string,
  settings: MeasureSettings,
): Promise<ReturnType<MeasureKind['make']>> {
  const { kind, named } = await importKind<MeasureKind>('--measure', path, 'coverage');
  const made = named(() => kind.make(settings));
  if (typeof made?.vectors !== 'function')
    throw new UserError(`--measure: the plug-in ${path} makes nothing with a function vectors`);
  const { calibrate } = made;
  let width: number | undefined;
  const vectors: Measure['vectors'] = (result) =>
    named(() => {
      const all = made.vectors(result);
      width ??= all?.length / result.rows;
      if (!(all instanceof Float32Array) || width < 1 || all.length !== width * result.rows)
        throw new Error(
          `vectors must give a Float32Array of rows times width, ${result.rows} times ${width}`,
        );
      return all;
    });
  return calibrate === undefined
    ? { vectors }
    : { vectors, calibrate: (walk) => named(() => calibrate.call(made, walk)) };
}
