import { decodeStrings } from '../../tensor/strings.ts';
import type { TestcaseData } from '../testcase.ts';

/** Nested lists of a shape; the value itself for a scalar. */
type Nested = string | readonly Nested[];

/**
 * The strings of a testcase as people read them: the string itself where there is one, else JSON by input, which is a seed
 * file of those inputs.
 */
export function stringsText({ form, inputs }: TestcaseData): string {
  const byInput = form.inputs.flatMap(({ name, shape, isString }, i) =>
    isString
      ? [{ name, strings: decodeStrings(inputs[i], shape[shape.length - 1]), shape: shape.slice(0, -1) }]
      : [],
  );
  const [first] = byInput;
  if (byInput.length === 1 && first.strings.length === 1) return first.strings[0];
  const entries = byInput.map(({ name, strings, shape }) => [name, nest(strings, shape)]);
  return `${JSON.stringify(Object.fromEntries(entries), null, 1)}\n`;
}

function nest(strings: readonly string[], shape: readonly number[]): Nested {
  if (shape.length === 0) return strings[0];
  const [count, ...inner] = shape;
  const size = strings.length / count;
  return Array.from({ length: count }, (_, i) => nest(strings.slice(i * size, (i + 1) * size), inner));
}
