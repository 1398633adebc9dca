import type { Graph } from './graph.ts';

/** Operations that read the shape of their operands alone. */
export const SHAPE_OPS: ReadonlySet<string> = new Set([
  'Shape',
  'ShapeN',
  'Size',
  'Rank',
  'ZerosLike',
  'OnesLike',
  'ConstantOfShape',
]);

/**
 * Tensors whose values depend on the values of the graph's inputs. Weights, what is computed from them, and shapes do not.
 * A node with subgraphs counts as dependent, since its bodies may read any tensor.
 */
export function findInputDependentTensors(graph: Graph): ReadonlySet<string> {
  const dependent = new Set(graph.inputs);
  for (const { op, inputs, outputs, subgraphs = [] } of graph.nodes) {
    if (SHAPE_OPS.has(op)) continue;
    if (subgraphs.length === 0 && !inputs.some((name) => dependent.has(name))) continue;
    for (const output of outputs) if (output !== '') dependent.add(output);
  }
  return dependent;
}
