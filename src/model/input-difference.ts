import type { InputSpec } from './model.ts';

/**
 * How the inputs of another model differ from those of the model, as the end of a sentence that begins with that model; undefined
 * where a testcase of one suits the other. A size that is free fits any.
 */
export function inputDifference(
  other: readonly InputSpec[],
  model: readonly InputSpec[],
): string | undefined {
  const fits =
    other.length === model.length &&
    other.every(({ name, type, shape }, i) => {
      const { shape: sizes } = model[i];
      return (
        name === model[i].name &&
        type === model[i].type &&
        shape.length === sizes.length &&
        // The first size is that of the batch.
        shape.slice(1).every((size, k) => size === null || sizes[k + 1] === null || size === sizes[k + 1])
      );
    });
  if (fits) return undefined;
  return `takes ${inputsText(other)}, and the model takes ${inputsText(model)}: name one that takes the same`;
}

function inputsText(inputs: readonly InputSpec[]): string {
  return inputs
    .map(({ name, type, shape }) => `${name} ${type}[${shape.map((size) => size ?? '?').join(', ')}]`)
    .join(', ');
}
