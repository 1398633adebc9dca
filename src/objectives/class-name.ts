import { escapeControl } from '../core/escape-control.ts';
import type { BatchTensor } from '../model/batched-model.ts';

/** A class for messages: its name where the model has one, else its index. */
export function className({ classes }: Pick<BatchTensor, 'classes'>, index: number): string {
  if (classes === undefined) return String(index);
  const name = classes[index];
  return name === undefined ? 'an unknown class' : escapeControl(name);
}

/** Names of classes for a violation's details; none where the model has none. */
export function namedClasses(
  tensor: Pick<BatchTensor, 'classes'>,
  indices: Readonly<Record<string, number>>,
): { readonly names?: Readonly<Record<string, string>> } {
  if (tensor.classes === undefined) return {};
  const entries = Object.entries(indices).map(([key, index]) => [key, className(tensor, index)]);
  return { names: Object.fromEntries(entries) as Record<string, string> };
}
