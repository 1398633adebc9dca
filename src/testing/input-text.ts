import { quoteEscaped } from '../core/escape-control.ts';
import { formatExactly, formatNumber, plural } from '../core/format-number.ts';
import { readNumber, type Tensor } from '../tensor/tensor.ts';
import type { FuzzFinding } from './api.ts';

/** Values that are printed whole, and changes that are listed, at most. */
const MAX_VALUES = 16;
const MAX_CHANGES = 6;

/** A finding's input for people, a line each: its text, or what differs from its seed. */
export function inputLines({ inputs, seed, text, distance, generation, isMinimized }: FuzzFinding): string[] {
  const size = isMinimized ? 'smallest input' : 'input';
  if (text !== undefined) return [`${size}: ${quoteEscaped(text.replace(/\n$/, ''), 400)}`];
  const names = Object.keys(inputs);
  if (seed === undefined || generation === 0) {
    const origin = generation === 0 ? `${size}, which is a seed` : size;
    return [`${origin}:`, ...names.map((name) => `  ${name} = ${valuesText(inputs[name])}`)];
  }
  const changes = names.flatMap((name) => changesOf(name, inputs[name], seed[name]));
  const more = changes.length - MAX_CHANGES;
  const total = names.reduce((sum, name) => sum + inputs[name].data.length, 0);
  return [
    `${size}: ${changes.length} of ${plural(total, 'value')} ${changes.length === 1 ? 'differs' : 'differ'} from its seed, by at most ${formatNumber(distance.linf, 4)}`,
    ...changes.slice(0, MAX_CHANGES).map((change) => `  ${change}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

/** Each value of an input that differs from the seed's: `image[3,14]: -1 → 0.97`. */
function changesOf(name: string, tensor: Tensor, before: Tensor | undefined): string[] {
  if (before === undefined || before.shape.join() !== tensor.shape.join())
    return [
      `${name} has the shape ${tensor.shape.join('×')}${before ? `, its seed ${before.shape.join('×')}` : ''}`,
    ];
  const changes: string[] = [];
  for (let i = 0; i < tensor.data.length; i++) {
    const [was, is] = [numberAt(before, i), numberAt(tensor, i)];
    if (!Object.is(was, is))
      changes.push(`${name}${indexText(tensor.shape, i)}: ${formatExactly(was)} → ${formatExactly(is)}`);
  }
  return changes;
}

function numberAt({ type, data }: Tensor, i: number): number {
  return readNumber(type, data, i);
}

/** A position in row-major order as an index by dimension; empty for a single value. */
function indexText(shape: readonly number[], position: number): string {
  if (shape.length === 0) return '';
  const index: number[] = [];
  let rest = position;
  for (const size of [...shape].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `[${index.join()}]`;
}

function valuesText(tensor: Tensor): string {
  const shown = Array.from({ length: Math.min(tensor.data.length, MAX_VALUES) }, (_, i) =>
    formatExactly(numberAt(tensor, i)),
  );
  const more = tensor.data.length - shown.length;
  return `[${shown.join(', ')}${more > 0 ? `, and ${plural(more, 'more value')}` : ''}]`;
}
