import { type Graph, searchableGraph } from './graph.ts';
import { SHAPE_OPS } from './input-dependence.ts';

/** The inputs that a tensor's values depend on: by their values, and by their sizes alone. */
export interface InputDependencies {
  readonly values: ReadonlySet<string>;
  readonly sizes: ReadonlySet<string>;
}

const NO_INPUTS: ReadonlySet<string> = new Set();
const NONE: InputDependencies = { values: NO_INPUTS, sizes: NO_INPUTS };

/**
 * What each tensor depends on; constants, and what is computed from them, on nothing. A node with bodies that cannot be looked
 * into counts as dependent on all inputs.
 */
export function findInputDependencies(graph: Graph): ReadonlyMap<string, InputDependencies> {
  const { nodes, inputs } = searchableGraph(graph);
  const all: InputDependencies = { values: new Set(inputs), sizes: NO_INPUTS };
  const known = new Map<string, InputDependencies>(
    inputs.map((name) => [name, { values: new Set([name]), sizes: NO_INPUTS }]),
  );
  for (const node of nodes) {
    const operands = node.inputs.flatMap((name) => known.get(name) ?? []);
    const values = union(operands.map((operand) => operand.values));
    const sizes = union(operands.map((operand) => operand.sizes));
    const result =
      (node.subgraphs ?? []).length > 0 && graph.flattened === undefined
        ? all
        : SHAPE_OPS.has(node.op)
          ? { values: NO_INPUTS, sizes: union([values, sizes]) }
          : { values, sizes };
    if (result.values.size + result.sizes.size === 0) continue;
    for (const output of node.outputs) known.set(output, result);
  }
  return known;
}

/** What a tensor depends on, of the result of `findInputDependencies`. */
export function dependenciesOf(
  dependencies: ReadonlyMap<string, InputDependencies>,
  tensor: string,
): InputDependencies {
  return dependencies.get(tensor) ?? NONE;
}

/** The union of sets: one of them where it holds all others, since most operations read one input's values. */
function union(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  const largest = sets.reduce((a, b) => (b.size > a.size ? b : a), NO_INPUTS);
  if (sets.every((set) => set === largest || [...set].every((name) => largest.has(name)))) return largest;
  return new Set(sets.flatMap((set) => [...set]));
}
