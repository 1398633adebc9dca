import { suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import { batchAxis } from '../model/batch-axis.ts';
import type { InputSpec } from '../model/model.ts';
import { shapeText } from '../tensor/tensor.ts';

/** A shape for the only input, or shapes by name. */
export type ShapeSetting = readonly number[] | Readonly<Record<string, readonly number[]>>;

/**
 * Fixes sizes that a model leaves open to those that the user asks for. A shape may have the batch dimension in
 * front, whose size does not count, or be a testcase's alone.
 *
 * @throws UserError where the model has no such input or the shape does not fit it
 */
export function fixFreeShapes(
  inputs: readonly InputSpec[],
  setting: ShapeSetting | undefined,
): readonly InputSpec[] {
  if (setting === undefined) return inputs;
  const names = inputs.map(({ name }) => name);
  if (Array.isArray(setting)) {
    if (inputs.length === 1) return [fixShape(inputs[0], setting as readonly number[], inputs)];
    throw new UserError(`--shape: the model has several inputs, so say which: ${names[0]}=${setting.join()}`);
  }
  const wanted = new Map(Object.entries(setting as Readonly<Record<string, readonly number[]>>));
  for (const name of wanted.keys()) {
    if (!names.includes(name)) {
      throw new UserError(`--shape: the model has no input ${name}: ${suggestName(name, names)}`);
    }
  }
  return inputs.map((input) => {
    const shape = wanted.get(input.name);
    return shape === undefined ? input : fixShape(input, shape, inputs);
  });
}

function fixShape(input: InputSpec, asked: readonly number[], inputs: readonly InputSpec[]): InputSpec {
  const { name, shape } = input;
  const isBatched = batchAxis(inputs) === 'free';
  const whole = isBatched && asked.length === shape.length - 1 ? [null, ...asked] : asked;
  const sizes = whole.map((size, i) => (isBatched && i === 0 ? null : size));
  const fits =
    sizes.length === shape.length && sizes.every((size, i) => shape[i] === null || shape[i] === size);
  if (!fits) {
    throw new UserError(
      `--shape ${name}=${asked.join()} does not fit the model, where ${name} is ${shapeText(shape)}`,
    );
  }
  return { ...input, shape: sizes };
}
