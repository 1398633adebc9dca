import { type DeclaredShape, type Graph, type GraphNode, topological } from './graph.ts';
import { DENSE_SOFTMAX } from './logits.ts';

interface TfNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
}

/** The topology of a TensorFlow.js graph model: a TensorFlow GraphDef as JSON. */
export interface GraphTopology {
  readonly node: readonly TfNode[];
}

/** `^name` is a control edge and `name:0` the first output of a node, whose tensor we call by the node. */
function tensorOf(edge: string): string {
  return edge.replace(/^\^/, '').replace(/:0$/, '');
}

/**
 * Reads a graph model's topology; tensors bear the names of the nodes that make them.
 *
 * @param constants names and shapes of the weights
 */
export function readTfjsGraph(
  topology: GraphTopology,
  inputs: readonly string[],
  outputs: readonly string[],
  constants: ReadonlyMap<string, readonly number[]>,
): Graph {
  const nodes = topology.node
    .filter((node) => node.op !== 'Const' && node.op !== 'Placeholder' && node.op !== 'NoOp')
    .map(
      (node): GraphNode => ({
        name: node.name,
        op: node.op,
        inputs: (node.input ?? []).map(tensorOf),
        outputs: [node.name],
      }),
    );
  return {
    nodes: topological(nodes),
    inputs: inputs.map(tensorOf),
    outputs: outputs.map(tensorOf),
    constants,
    shapes: new Map(),
  };
}

/**
 * Reads a layers model: one node a layer, its tensor called by the layer's name.
 *
 * @param weights names and shapes
 */
export function readLayersGraph(
  layers: readonly LoadedLayer[],
  outputs: readonly string[],
  weights: readonly (readonly [name: string, shape: readonly number[]])[],
): Graph {
  const nodes = layers
    .filter((layer) => layer.className !== 'InputLayer')
    .map(
      (layer): GraphNode => ({
        name: layer.name,
        op: layer.softmax ? (layer.className === 'Dense' ? DENSE_SOFTMAX : 'Softmax') : layer.className,
        inputs: layer.inputs,
        outputs: [layer.name],
      }),
    );
  return {
    nodes: topological(nodes),
    inputs: layers.filter((layer) => layer.className === 'InputLayer').map((layer) => layer.name),
    outputs,
    constants: new Map(weights),
    shapes: new Map(layers.map(({ name, shape }) => [name, shape])),
  };
}

/** What the reader needs to know of a loaded layer. */
export interface LoadedLayer {
  readonly name: string;
  readonly className: string;
  /** Whether it ends in a softmax. */
  readonly softmax: boolean;
  /** Shape of its output. */
  readonly shape: DeclaredShape;
  /** Names of the layers whose outputs it reads. */
  readonly inputs: readonly string[];
}
