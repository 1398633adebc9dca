import type { Graph, GraphNode } from '../../model/graph/graph.ts';
import type { InputEvidence } from '../../model/input-evidence.ts';
import type { AffinePrefix } from './affine-prefix.ts';
import { operationText, type PlacedNode } from './graph-flow.ts';

/** Ensembles of decision trees of ai.onnx.ml, as converters of scikit-learn, LightGBM and XGBoost write them. */
const TREE_OPS: ReadonlySet<string> = new Set(['TreeEnsembleClassifier', 'TreeEnsembleRegressor']);

/** Operations that put the columns of several inputs side by side. */
const JOINING_OPS: ReadonlySet<string> = new Set(['Concat', 'FeatureVectorizer']);

/** Split values kept for one column; of more, as many spread over them evenly. */
const MAX_SPLITS_PER_COLUMN = 2048;

/**
 * The split values of the trees that read an input, by its column. A test of a tree compares one column with one value.
 *
 * @param prefix operations between the input and the trees
 * @param columns number of the input's columns; undefined where it is not known
 */
export function findTreeSplits(
  graph: Graph,
  readers: ReadonlyMap<string, readonly PlacedNode[]>,
  prefix: AffinePrefix,
  columns: number | undefined,
): InputEvidence['splits'] {
  const found = treesReading(graph, readers, prefix);
  if (found === undefined) return undefined;
  const { node, offset } = found;
  const values: Set<number>[] = [];
  const { nodes_featureids: features, nodes_values: tests } = node.attributes ?? {};
  const { nodes_truenodeids: yes, nodes_falsenodeids: no } = node.attributes ?? {};
  if (!Array.isArray(features) || !Array.isArray(tests) || !Array.isArray(yes) || !Array.isArray(no))
    return undefined;
  features.forEach((feature: number, i: number) => {
    const column = feature - offset;
    // A leaf has no children: 0 is the root.
    if ((yes[i] === 0 && no[i] === 0) || column < 0 || (columns !== undefined && column >= columns)) return;
    const split = unscaledSplit(prefix, tests[i], column);
    values[column] ??= new Set();
    if (Number.isFinite(split)) values[column].add(split);
  });
  if (values.length === 0) return undefined;
  const length = columns ?? values.length;
  return {
    by: operationText(node),
    values: Array.from({ length }, (_, column) =>
      spread(
        [...(values[column] ?? [])].sort((a, b) => a - b),
        MAX_SPLITS_PER_COLUMN,
      ),
    ),
  };
}

/** The trees that read the prefix's result, at once or behind a join; and the columns that stand before this input's there. */
function treesReading(
  graph: Graph,
  readers: ReadonlyMap<string, readonly PlacedNode[]>,
  { tensor }: AffinePrefix,
): { readonly node: GraphNode; readonly offset: number } | undefined {
  for (const { node } of readers.get(tensor) ?? []) {
    if (TREE_OPS.has(node.op)) return { node, offset: 0 };
    if (!JOINING_OPS.has(node.op)) continue;
    const widths = node.inputs.slice(0, node.inputs.indexOf(tensor)).map((name) => columnsOf(graph, name));
    const trees = (readers.get(node.outputs[0]) ?? []).find((placed) => TREE_OPS.has(placed.node.op));
    if (trees === undefined || widths.some((width) => width === undefined)) continue;
    return { node: trees.node, offset: widths.reduce((sum: number, width) => sum + (width ?? 0), 0) };
  }
  return undefined;
}

function columnsOf(graph: Graph, tensor: string): number | undefined {
  const width = graph.shapes.get(tensor)?.at(-1);
  return typeof width === 'number' ? width : undefined;
}

/** The value of x at which y = factor · x + shift is at the split. */
function unscaledSplit({ factor, shift }: AffinePrefix, split: number, column: number): number {
  const at = (list: readonly number[]): number => list[list.length === 1 ? 0 : column];
  return (split - at(shift)) / at(factor);
}

/** At most `limit` of ascending values, the first and the last among them. */
function spread(values: readonly number[], limit: number): readonly number[] {
  if (values.length <= limit) return values;
  return Array.from({ length: limit }, (_, i) => values[Math.round((i * (values.length - 1)) / (limit - 1))]);
}
