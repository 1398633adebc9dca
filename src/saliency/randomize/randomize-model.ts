import { UserError } from '../../core/errors.ts';
import { detectModel } from '../../model/formats/detect.ts';
import type { ModelFiles } from '../../model/quantize/kind.ts';
import type { WeightDraws } from './draw-weights.ts';
import { randomizeOnnx } from './randomize-onnx.ts';
import { randomizeTfjs } from './randomize-tfjs.ts';

/** Which copy of a model is made. Plain data, sent between processes. */
export interface RandomizeRequest {
  readonly path: string;
  /** Names of the constants that are drawn again. */
  readonly constants: readonly string[];
  readonly draws: WeightDraws;
}

/**
 * A copy of a saved model in which some weights are drawn again.
 *
 * @throws UserError where the model cannot be read or changed, or is a SavedModel
 */
export async function randomizeModel({ path, constants, draws }: RandomizeRequest): Promise<ModelFiles> {
  const { path: file, family } = await detectModel(path);
  if (family === 'onnx') return randomizeOnnx(file, constants, draws);
  if (family === 'tfjs') return randomizeTfjs(file, constants, draws);
  throw new UserError(
    `${file} is a SavedModel, whose weights neurofuzz cannot replace: convert it with tensorflowjs_converter or tf2onnx first`,
  );
}
