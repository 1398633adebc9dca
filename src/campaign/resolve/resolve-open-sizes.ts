import type { InputConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import { fixFreeShapes } from '../../inputs/free-shapes.ts';
import { inferInputs } from '../../inputs/infer-input.ts';
import { chooseOpenSizes } from '../../inputs/open-sizes.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { tryOnDrawnTestcase } from '../../inputs/trial-testcase.ts';
import { stripBatchDimension } from '../../model/batch-axis.ts';
import type { ModelInfo } from '../../model/model.ts';
import type { Notices } from './model-settings.ts';

/** Runs one testcase; returns why it fails, undefined where it runs. */
export type TryRun = (testcase: TestcaseData) => Promise<string | undefined>;

/**
 * The `shape` setting, completed by sizes that the model runs on where it leaves some open and no seeds bring any.
 *
 * @param run without it, sizes stay open
 * @throws UserError where the model runs on none of the sizes tried
 */
export async function resolveOpenSizes(
  model: ModelInfo,
  { shape, seeds }: Pick<InputConfig, 'shape' | 'seeds'>,
  run: TryRun | undefined,
  notices: Notices,
): Promise<InputConfig['shape']> {
  if (seeds !== undefined || model.generation !== undefined || run === undefined) return shape;
  const inputs = fixFreeShapes(model.inputs, shape);
  const inferredInputs = inferInputs(stripBatchDimension(inputs), model);
  const trySizes = tryOnDrawnTestcase(inferredInputs, run);
  const { shapes, failure, tries } = await chooseOpenSizes(inputs, inferredInputs, trySizes);
  if (tries === 0) return shape;
  const flags = Object.entries(shapes).map(([name, sizes]) => `${name}=${sizes.join()}`);
  if (failure !== undefined)
    throw new UserError(
      `${model.path} runs on none of ${tries} sizes tried where it leaves them open, such as ${flags.join(' ')} (${failure}): give sizes with --shape ${flags[0]}, or inputs that it takes with --seeds`,
    );
  notices.info(
    `sizes left open by the model are --shape ${flags.join(' ')}, the first of ${tries} tried that it runs on; --shape overrules them`,
  );
  return Array.isArray(shape) ? shape : { ...(shape as Record<string, number[]>), ...mutable(shapes) };
}

function mutable(shapes: Readonly<Record<string, readonly number[]>>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(shapes).map(([name, sizes]) => [name, [...sizes]]));
}
