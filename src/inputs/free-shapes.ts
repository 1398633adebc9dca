import { suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import { batchAxis } from '../model/batch-axis.ts';
import type { InputSpec } from '../model/model.ts';
import { shapeText } from '../tensor/tensor.ts';

/** A shape for the only input, or shapes by input name. */
export type ShapeSetting = readonly number[] | Readonly<Record<string, readonly number[]>>;

/**
 * Replaces dynamic sizes of a model's inputs by requested ones. A shape may include the batch dimension, whose size is
 * ignored, or be that of a single testcase.
 *
 * @throws UserError if the model has no such input or the shape contradicts it
 */
export function fixFreeShapes(
  inputs: readonly InputSpec[],
  setting: ShapeSetting | undefined,
): readonly InputSpec[] {
  if (setting === undefined) return inputs;
  const names = inputs.map(({ name }) => name);
  if (isShape(setting)) {
    const [input, ...others] = inputs;
    if (others.length === 0) return [fixShape(input, setting, inputs)];
    throw new UserError(`--shape: the model has several inputs, so say which: ${names[0]}=${setting.join()}`);
  }
  const requested = new Map(Object.entries(setting));
  for (const name of requested.keys()) {
    if (!names.includes(name)) {
      throw new UserError(`--shape: the model has no input ${name}: ${suggestName(name, names)}`);
    }
  }
  return inputs.map((input) => {
    const shape = requested.get(input.name);
    return shape === undefined ? input : fixShape(input, shape, inputs);
  });
}

// `Array.isArray` does not narrow readonly arrays.
function isShape(setting: ShapeSetting): setting is readonly number[] {
  return Array.isArray(setting);
}

function fixShape(input: InputSpec, requested: readonly number[], inputs: readonly InputSpec[]): InputSpec {
  const { name, strings } = input;
  if (strings !== undefined) {
    // The length of strings follows from the seeds.
    const { shape, ...rest } = fixShape(withoutStrings(input), requested, inputs);
    return { ...rest, strings, shape: [...shape, null] };
  }
  const { shape } = input;
  const isBatched = batchAxis(inputs) === 'free';
  const withBatch = isBatched && requested.length === shape.length - 1 ? [null, ...requested] : requested;
  const sizes = withBatch.map((size, i) => (isBatched && i === 0 ? null : size));
  const fits =
    sizes.length === shape.length && sizes.every((size, i) => shape[i] === null || shape[i] === size);
  if (!fits) {
    throw new UserError(
      `--shape ${name}=${requested.join()} does not fit the model, where ${name} is ${shapeText(shape)}`,
    );
  }
  return { ...input, shape: sizes };
}

/** An input of strings with a string as a value. */
function withoutStrings({ name, type, shape }: InputSpec): InputSpec {
  return { name, type, shape: shape.slice(0, -1) };
}
