import { escapeControl } from '../core/escape-control.ts';

/**
 * An element of a tensor for messages: `logits[3]`; `score` where each row has a single value.
 *
 * @param classes names of the elements, where the model has some: `probabilities[setosa]`
 */
export function elementName(
  tensor: string,
  size: number,
  index: number,
  classes?: readonly string[],
): string {
  if (size === 1) return tensor;
  const name = classes?.length === size ? escapeControl(classes[index]) : index;
  return `${tensor}[${name}]`;
}
