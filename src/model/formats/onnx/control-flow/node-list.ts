import {
  ATTRIBUTE_TYPE,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from '../proto.ts';
import { changed } from './bodies.ts';

/** Begins the names of all tensors that are added to a model. */
export const ADDED_PREFIX = 'neurofuzz/';

/** Nodes and constants that are added to a graph. */
export class NodeList {
  readonly #nodes: OnnxNode[] = [];
  readonly #constants: OnnxTensor[] = [];
  readonly #prefix: string;

  /** @param prefix begins the names of what is added, and is that of no other list of the model */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /**
   * @param attributes integers by their names
   * @returns the name of the result
   */
  add(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, number>> = {},
    result = `${this.#prefix}${this.#nodes.length}`,
  ): string {
    const attribute = Object.entries(attributes).map(([name, i]) => ({ name, i, type: ATTRIBUTE_TYPE.int }));
    const node = { opType, name: result, input, output: [result], attribute };
    this.#nodes.push(node as unknown as OnnxNode);
    return result;
  }

  /** @param dataType TensorProto.DataType number */
  constant(dataType: number, dims: readonly number[], rawData: Uint8Array): string {
    const name = `${this.#prefix}constant_${this.#constants.length}`;
    this.#constants.push({ name, dims, dataType, rawData } as unknown as OnnxTensor);
    return name;
  }

  /** The graph with what was added. */
  appendTo(graph: OnnxGraph): OnnxGraph {
    return changed(graph, {
      node: [...graph.node, ...this.#nodes],
      initializer: [...graph.initializer, ...this.#constants],
    });
  }
}

/** A result of a graph, whose type and shape the runtime infers. */
export function untyped(name: string): OnnxValue {
  return { name } as OnnxValue;
}

/** A node with other results, padded by omitted ones up to `position`, where `added` are inserted. */
export function insertOutputs(node: OnnxNode, position: number, added: readonly string[]): readonly string[] {
  const output = [...node.output];
  while (output.length < position) output.push('');
  return [...output.slice(0, position), ...added, ...output.slice(position)];
}

/** The list of integers of an attribute, lengthened by zeros where the node has the attribute. */
export function lengthened(node: OnnxNode, name: string, by: number): readonly OnnxAttribute[] {
  return node.attribute.map((holder) =>
    holder.name === name
      ? changed(holder, { ints: [...holder.ints, ...new Array<number>(by).fill(0)] })
      : holder,
  );
}
