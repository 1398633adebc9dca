import { suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import { type BatchLayout, batchLayout } from '../model/batch-axis.ts';
import type { InputSpec } from '../model/model.ts';
import { shapeText } from '../tensor/tensor.ts';

/** A shape for the only input, or shapes by input name. */
export type ShapeSetting = readonly number[] | Readonly<Record<string, readonly number[]>>;

/**
 * Replaces dynamic sizes of a model's inputs by requested ones. A shape may include the batch dimension, whose size is
 * ignored, or be that of a single testcase. A size that is given for a named dimension holds for that name in all inputs.
 *
 * @throws UserError if the model has no such input, the shape contradicts it, or one name gets two sizes
 */
export function fixFreeShapes(
  inputs: readonly InputSpec[],
  setting: ShapeSetting | undefined,
): readonly InputSpec[] {
  if (setting === undefined) return inputs;
  const names = inputs.map(({ name }) => name);
  const layout = batchLayout(inputs);
  const requested = requestedShapes(names, setting);
  for (const name of requested.keys()) {
    if (!names.includes(name)) {
      throw new UserError(`--shape: the model has no input ${name}: ${suggestName(name, names)}`);
    }
  }
  const fixed = inputs.map((input, i) => {
    const shape = requested.get(input.name);
    return shape === undefined ? input : fixShape(input, shape, layout, i);
  });
  const completed = withEqualSizes(fixed, layout);
  // Fixed sizes must not make a testcase that is the whole input look like a batch of one.
  return layout.axis === 'none' && batchLayout(completed).axis !== 'none'
    ? completed.map((input) => ({ ...input, isWhole: true }))
    : completed;
}

function requestedShapes(
  names: readonly string[],
  setting: ShapeSetting,
): ReadonlyMap<string, readonly number[]> {
  if (!isShape(setting)) return new Map(Object.entries(setting));
  if (names.length === 1) return new Map([[names[0], setting]]);
  throw new UserError(`--shape: the model has several inputs, so name one: ${names[0]}=${setting.join()}`);
}

// `Array.isArray` does not narrow readonly arrays.
function isShape(setting: ShapeSetting): setting is readonly number[] {
  return Array.isArray(setting);
}

function fixShape(
  input: InputSpec,
  requested: readonly number[],
  layout: BatchLayout,
  index: number,
): InputSpec {
  const { name, strings } = input;
  if (strings !== undefined) {
    // The length of strings follows from the seeds.
    const { shape, ...rest } = fixShape(withoutStrings(input), requested, layout, index);
    return { ...rest, strings, shape: [...shape, null] };
  }
  const { shape } = input;
  const { axis, positions } = layout;
  const isBatched = axis !== 'none';
  const batch = positions[index];
  const withBatch =
    isBatched && requested.length === shape.length - 1
      ? requested.toSpliced(batch, 0, shape[batch] ?? 1)
      : requested;
  const sizes = withBatch.map((size, i) => (isBatched && i === batch ? shape[batch] : size));
  const fits =
    sizes.length === shape.length && sizes.every((size, i) => shape[i] === null || shape[i] === size);
  if (!fits) {
    throw new UserError(
      `--shape ${name}=${requested.join()} does not fit the model, where ${name} is ${declaredText(input)}`,
    );
  }
  return { ...input, shape: sizes };
}

/** An input of strings with a string as a value. */
function withoutStrings({ strings: _strings, shape, ...input }: InputSpec): InputSpec {
  return { ...input, shape: shape.slice(0, -1) };
}

/** The shape that the model declares, with its dimensions' names. */
function declaredText({ shape, dimensions }: InputSpec): string {
  return shapeText(shape.map((size, i) => size ?? dimensions?.[i] ?? null));
}

/** Gives dimensions of one name one size in all inputs. @throws UserError where a name has two */
function withEqualSizes(inputs: readonly InputSpec[], { name: batch }: BatchLayout): readonly InputSpec[] {
  const sizes = new Map<string, { readonly size: number; readonly input: string }>();
  for (const { name: input, shape, dimensions = [] } of inputs)
    for (const [i, dimension] of dimensions.entries()) {
      const size = shape[i];
      if (dimension === null || dimension === batch || size === null) continue;
      const known = sizes.get(dimension);
      if (known !== undefined && known.size !== size)
        throw new UserError(
          `--shape: dimension ${dimension} is ${known.size} in input ${known.input} and ${size} in input ${input}: the model gives both the same name, so they need the same size`,
        );
      sizes.set(dimension, { size, input });
    }
  return inputs.map((input) => ({
    ...input,
    shape: input.shape.map((size, i) => size ?? sizes.get(input.dimensions?.[i] ?? '')?.size ?? null),
  }));
}
