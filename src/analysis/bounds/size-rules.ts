import type { GraphNode } from '../../model/graph/graph.ts';
import { numericAttribute } from '../numerical-sites/site.ts';
import { axisAt, type ElementShape } from './element-bounds.ts';
import { listAttribute, type Size } from './node-context.ts';

type SizesOf = (tensor: string | undefined) => readonly Size[] | undefined;

const isNumbers = (sizes: readonly Size[] | undefined): sizes is readonly number[] =>
  sizes?.every((size) => typeof size === 'number') === true;

function sliced(x: readonly Size[], node: GraphNode, sizesOf: SizesOf): readonly Size[] | undefined {
  const list = (index: number, name: string): readonly Size[] | undefined =>
    sizesOf(node.inputs[index]) ?? listAttribute(node, name);
  const [start, end] = [list(1, 'starts'), list(2, 'ends')];
  const step = list(4, 'steps') ?? [1];
  if (!isNumbers(start) || !isNumbers(end) || start.length !== 1 || step[0] !== 1) return undefined;
  return x.slice(start[0], end[0]);
}

/**
 * The values of a node's result where they are sizes, as exporters compute them to reshape by: shapes, and what is cut out of
 * them and joined. Undefined for all others.
 */
export function resultSizes(
  node: GraphNode,
  sizesOf: SizesOf,
  shapeOf: (tensor: string) => ElementShape | undefined,
): readonly Size[] | undefined {
  const [first = ''] = node.inputs;
  const x = sizesOf(first);
  switch (node.op) {
    case 'Shape': {
      const known = shapeOf(first);
      if (known === undefined || node.attributes?.start !== undefined || node.attributes?.end !== undefined)
        return undefined;
      return known.shape.map((size, axis) => (axis === 0 && known.isBatched ? 'batch' : size));
    }
    case 'Identity':
    case 'Cast':
    case 'Unsqueeze':
    case 'Squeeze':
      return x;
    case 'Gather': {
      const indices = sizesOf(node.inputs[1]);
      if (x === undefined || !isNumbers(indices) || (numericAttribute(node, 'axis') ?? 0) !== 0)
        return undefined;
      const positions = indices.map((index) => axisAt(index, x.length));
      return positions.every((position) => position !== undefined) ? positions.map((i) => x[i]) : undefined;
    }
    case 'Slice':
      return x && sliced(x, node, sizesOf);
    case 'Concat': {
      const parts = node.inputs.map(sizesOf);
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
    }
    default:
      return undefined;
  }
}
