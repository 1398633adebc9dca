import type { ExpansionContext } from './expansion.ts';
import { integerAttribute, integersAttribute, stringAttribute } from './node-attributes.ts';

/** Patches are cut out by a Slice for each place in the kernel; sums run over channels, and within these over places. */
export function expandConv({ node, nodes, facts, multiply }: ExpansionContext): string | undefined {
  const [x, weights, bias = ''] = node.input;
  const kernelShape = facts.shapeOf(weights);
  const known = kernelShape?.every((size) => size !== undefined) ? (kernelShape as number[]) : undefined;
  if (known === undefined || known.length < 3) return undefined;
  const [filters, channels, ...kernel] = known;
  const ones = kernel.map(() => 1);
  const strides = integersAttribute(node, 'strides') ?? ones;
  const dilations = integersAttribute(node, 'dilations') ?? ones;
  const groups = integerAttribute(node, 'group', 1);
  const pads = padsOf(node, kernel, strides, dilations, facts.shapeOf(x)?.slice(2));
  if (pads === undefined) return undefined;
  const padded = pads.every((pad) => pad === 0)
    ? x
    : nodes.add('Pad', [
        x,
        nodes.integers(...[0, 0, ...pads.slice(0, kernel.length)], ...[0, 0, ...pads.slice(kernel.length)]),
      ]);
  const axes = nodes.integers(...kernel.map((_, axis) => axis + 2));
  const steps = nodes.integers(...strides);
  const patches = placesOf(kernel).map((place) => {
    const starts = place.map((offset, axis) => offset * dilations[axis]);
    const ends = place.map((offset, axis) => {
      const behind = (kernel[axis] - 1 - offset) * dilations[axis];
      return behind === 0 ? Number.MAX_SAFE_INTEGER : -behind;
    });
    return nodes.add('Slice', [padded, nodes.integers(...starts), nodes.integers(...ends), axes, steps]);
  });
  const places = nodes.integers(2);
  const stacked = nodes.add(
    'Concat',
    patches.map((patch) => nodes.add('Unsqueeze', [patch, places])),
    { axis: 2 },
  );
  const terms = channels * patches.length;
  const columns = nodes.add('Reshape', [stacked, nodes.integers(0, groups, terms, -1)]);
  const rows = nodes.add('Reshape', [weights, nodes.integers(groups, filters / groups, terms)]);
  const sum = multiply(rows, columns, terms);
  const shape = nodes.add('Concat', [nodes.integers(0, filters), nodes.sizes(patches[0], 2)], { axis: 0 });
  const result = nodes.add('Reshape', [sum, shape]);
  if (bias === '') return result;
  const offset = nodes.add('Reshape', [bias, nodes.integers(1, filters, ...ones)]);
  return nodes.add('Add', [result, offset]);
}

/** All places in a kernel, the last axis first. */
function placesOf(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (places, size) => places.flatMap((place) => Array.from({ length: size }, (_, i) => [...place, i])),
    [[]],
  );
}

/** Values of padding before and behind each axis; undefined where it depends on sizes that are not known. */
function padsOf(
  node: ExpansionContext['node'],
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
  sizes: readonly (number | undefined)[] | undefined,
): number[] | undefined {
  const mode = stringAttribute(node, 'auto_pad') ?? 'NOTSET';
  if (mode === 'VALID') return [...kernel, ...kernel].map(() => 0);
  if (mode === 'NOTSET') return integersAttribute(node, 'pads') ?? [...kernel, ...kernel].map(() => 0);
  const totals = kernel.map((size, axis) => {
    const reach = (size - 1) * dilations[axis] + 1;
    if (strides[axis] === 1) return reach - 1;
    const length = sizes?.[axis];
    if (length === undefined) return undefined;
    return Math.max(0, (Math.ceil(length / strides[axis]) - 1) * strides[axis] + reach - length);
  });
  if (!totals.every((total) => total !== undefined)) return undefined;
  const small = totals.map((total) => Math.floor(total / 2));
  const large = totals.map((total, axis) => total - small[axis]);
  return mode === 'SAME_UPPER' ? [...small, ...large] : [...large, ...small];
}
