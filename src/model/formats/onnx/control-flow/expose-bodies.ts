import type { DType } from '../../../../tensor/tensor.ts';
import { decodeMessage } from '../../decode-message.ts';
import { ModelProto, type OnnxGraph, type OnnxModel, type OnnxNode } from '../proto.ts';
import { DATA_TYPE } from '../tensor.ts';
import { bodiesOf, changed, controlFlowOf, mapBodies } from './bodies.ts';
import { encodeModel } from './encode-model.ts';
import { ADDED_PREFIX, insertOutputs, lengthened, NodeList, untyped } from './node-list.ts';
import { definedNames } from './unique-names.ts';

/**
 * Name in the main graph of a tensor that is exposed out of bodies.
 *
 * @param depth number of bodies around it
 */
export function exposedName(tensor: string, depth: number): string {
  return ADDED_PREFIX.repeat(depth) + tensor;
}

/**
 * The same ONNX file with tensors of bodies as results of the operations that run them: of an If the value in the branch
 * that is taken, without elements in the other; of a Loop and of a Scan the values of all iterations, stacked along a new
 * first axis. They are not yet outputs of the model.
 *
 * @param bytes a file with unique names
 * @param tensors of bodies
 * @param types of those tensors; one without a type is left out
 */
export function exposeInBodies(
  bytes: Uint8Array,
  tensors: readonly string[],
  types: ReadonlyMap<string, DType>,
): Uint8Array {
  if (tensors.length === 0) return bytes;
  const model = decodeMessage<OnnxModel>(ModelProto, bytes);
  if (model.graph === null) return bytes;
  const wanted = new Set(tensors.filter((name) => types.has(name)));
  const exposure = new Exposure(wanted, types);
  return encodeModel(changed(model, { graph: exposure.exposeWithin(model.graph).graph }));
}

/** A graph, and the tensors of its bodies that are among its own now. */
interface ExposedGraph {
  readonly graph: OnnxGraph;
  readonly exposed: readonly ExposedTensor[];
}

interface ExposedTensor {
  /** Its name in the graph. */
  readonly name: string;
  readonly type: DType;
}

class Exposure {
  readonly #wanted: ReadonlySet<string>;
  readonly #types: ReadonlyMap<string, DType>;
  #lists = 0;

  constructor(wanted: ReadonlySet<string>, types: ReadonlyMap<string, DType>) {
    this.#wanted = wanted;
    this.#types = types;
  }

  exposeWithin(graph: OnnxGraph): ExposedGraph {
    const exposed: ExposedTensor[] = [];
    const node = graph.node.map((inner) => {
      const result = this.#exposeOf(inner);
      exposed.push(...result.exposed);
      return result.node;
    });
    return { graph: changed(graph, { node }), exposed };
  }

  #exposeOf(node: OnnxNode): { readonly node: OnnxNode; readonly exposed: readonly ExposedTensor[] } {
    const op = controlFlowOf(node);
    if (op === undefined) return { node, exposed: [] };
    const bodies = new Map(bodiesOf(node).map(({ graph }) => [graph, this.#exposeBody(graph)]));
    const exposed = [...bodies.values()].flatMap((body) => body.exposed);
    if (exposed.length === 0) return { node, exposed };
    const results = exposed.map(({ name, type }) => ({ name: ADDED_PREFIX + name, type }));
    const names = results.map(({ name }) => name);
    const withBodies = mapBodies(node, ({ graph }) =>
      this.#withResults(bodies.get(graph) ?? { graph, exposed: [] }, exposed),
    );
    const [{ graph: first }] = bodiesOf(node);
    const position = first.output.length - (op === 'Loop' ? 1 : 0);
    const output = insertOutputs(node, position, names);
    const attribute = ['scan_output_axes', 'scan_output_directions'].reduce(
      (changedNode, list) => changed(changedNode, { attribute: lengthened(changedNode, list, names.length) }),
      withBodies,
    ).attribute;
    return { node: changed(withBodies, { output, attribute }), exposed: results };
  }

  #exposeBody(body: OnnxGraph): ExposedGraph {
    const { graph, exposed } = this.exposeWithin(body);
    const wanted = definedNames(body).filter((name) => this.#wanted.has(name));
    return {
      graph,
      exposed: [...wanted.map((name) => ({ name, type: this.#types.get(name) ?? 'float32' })), ...exposed],
    };
  }

  /** A body with further results: copies of its own exposed tensors, and nothing in place of another branch's. */
  #withResults({ graph, exposed }: ExposedGraph, all: readonly ExposedTensor[]): OnnxGraph {
    const inBody = new Set(exposed.map(({ name }) => name));
    const nodes = new NodeList(`${ADDED_PREFIX}results_${this.#lists++}_`);
    const results = all.map(({ name, type }) =>
      nodes.add('Identity', [
        inBody.has(name) ? name : nodes.constant(DATA_TYPE[type], [0], new Uint8Array(0)),
      ]),
    );
    const changedGraph = nodes.appendTo(graph);
    return changed(changedGraph, { output: [...graph.output, ...results.map(untyped)] });
  }
}
