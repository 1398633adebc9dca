import type { OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from '../proto.ts';
import { bodiesOf, changed, mapBodies, roleOf } from './bodies.ts';

/** New names of tensors, by their names in the file; those of an outer graph hold in its bodies. */
type Renaming = ReadonlyMap<string, string>;

/**
 * Gives every tensor and every node within bodies a name that nothing else in the model has, so that bodies can be moved
 * into the graph around them. What has such a name keeps it, and so does the main graph.
 */
export function withUniqueNames(graph: OnnxGraph): OnnxGraph {
  const names = new NameTable(graph);
  const node = graph.node.map((outer, index) => names.renameBodies(named(outer, index), new Map()));
  return changed(graph, { node });
}

/** A node without a name is named after its place, which moving it would change. */
function named(node: OnnxNode, index: number): OnnxNode {
  return node.name === '' ? changed(node, { name: `${node.opType}_${index}` }) : node;
}

class NameTable {
  readonly #tensors: Set<string>;
  readonly #nodes: Set<string>;
  /** Every name of a tensor in the file, none of which a new name may take. */
  readonly #inFile = new Set<string>();

  constructor(graph: OnnxGraph) {
    this.#tensors = new Set(definedNames(graph));
    this.#nodes = new Set(graph.node.map((node, index) => named(node, index).name));
    const collect = (inner: OnnxGraph): void => {
      for (const name of definedNames(inner)) this.#inFile.add(name);
      for (const node of inner.node) for (const body of bodiesOf(node)) collect(body.graph);
    };
    collect(graph);
  }

  /** @param outer the renaming of the graph that the node is in */
  renameBodies(node: OnnxNode, outer: Renaming): OnnxNode {
    return mapBodies(node, ({ attribute, graph }) =>
      this.#renameBody(graph, `${node.name}/${roleOf(attribute)}`, outer),
    );
  }

  #renameBody(graph: OnnxGraph, place: string, outer: Renaming): OnnxGraph {
    const scope = new Map(outer);
    for (const name of definedNames(graph)) scope.set(name, this.#uniqueTensor(name, place));
    const rename = (name: string): string => scope.get(name) ?? name;
    const renamed = <T extends OnnxTensor | OnnxValue>(value: T): T =>
      changed<OnnxTensor | OnnxValue>(value, { name: rename(value.name) }) as T;
    const nodes = graph.node.map((node, index) => {
      const name = this.#uniqueNode(named(node, index).name, place);
      return changed(node, { name, input: node.input.map(rename), output: node.output.map(rename) });
    });
    return changed(graph, {
      node: nodes.map((node) => this.renameBodies(node, scope)),
      initializer: graph.initializer.map(renamed),
      sparseInitializer: graph.sparseInitializer.map((sparse) =>
        changed(sparse, { values: sparse.values && renamed(sparse.values) }),
      ),
      input: graph.input.map(renamed),
      output: graph.output.map(renamed),
      valueInfo: graph.valueInfo.map(renamed),
    });
  }

  #uniqueTensor(name: string, place: string): string {
    let unique = name;
    if (this.#tensors.has(name)) unique = `${place}/${name}`;
    while (unique !== name && (this.#tensors.has(unique) || this.#inFile.has(unique))) unique = `${unique}_`;
    this.#tensors.add(unique);
    return unique;
  }

  #uniqueNode(name: string, place: string): string {
    let unique = name;
    if (this.#nodes.has(name)) unique = `${place}/${name}`;
    while (this.#nodes.has(unique)) unique = `${unique}_`;
    this.#nodes.add(unique);
    return unique;
  }
}

/** Names of the tensors that a graph itself defines: its inputs, its constants and the results of its nodes. */
export function definedNames({ input, initializer, sparseInitializer, node }: OnnxGraph): string[] {
  const sparse = sparseInitializer.flatMap(({ values }) => (values === null ? [] : [values.name]));
  const names = [
    ...input.map(({ name }) => name),
    ...initializer.map(({ name }) => name),
    ...sparse,
    ...node.flatMap(({ output }) => output),
  ];
  return [...new Set(names)].filter((name) => name !== '');
}
