import type { DType } from '../../../../tensor/tensor.ts';
import { type DeclaredShape, type Graph, type GraphNode, sortTopologically } from '../../../graph/graph.ts';
import type { InputSpec } from '../../../model.ts';
import type { CallCollector, ModelStep } from './layer-call.ts';
import type { LayerConstants } from './layer-constants.ts';
import { type LayerExpansion, LayerNodes } from './layer-nodes.ts';
import { expandLayer } from './registry.ts';

/** A layers model's graph, and what its layers are made of. */
export interface LayersGraph {
  readonly graph: Graph;
  /** By the names of the calls. */
  readonly expansions: ReadonlyMap<string, LayerExpansion>;
  /** Tensors that can be watched, in topological order. */
  readonly watchable: readonly string[];
}

/** Operations whose results have the type of what they read. */
const TYPE_KEEPING_OPS: ReadonlySet<string> = new Set(
  'Identity Flatten Reshape Transpose Tile Slice Pad Concat Maximum Minimum MaxPool GlobalMaxPool'.split(' '),
);

/** Reads a layers model: the nodes of each call of a layer, and of models within it. */
export function readLayersGraph(
  { steps, inputs, outputs }: CallCollector,
  inputSpecs: readonly InputSpec[],
  constants: LayerConstants,
): LayersGraph {
  const types = new Map<string, DType>(inputSpecs.map(({ name, type }) => [name, type]));
  const shapes = new Map<string, DeclaredShape>(inputSpecs.map(({ name, shape }) => [name, shape]));
  const expansions = new Map<string, LayerExpansion>();
  const watchable = new Set<string>();
  const nodes: GraphNode[] = [];
  for (const step of steps) {
    const added = step.kind === 'call' ? expand(step, constants, types, expansions) : renamingNodes(step);
    const expansion = expansions.get(step.name);
    for (const node of added) {
      const [first] = node.inputs.map((name) => types.get(name));
      const kept = TYPE_KEEPING_OPS.has(node.op) ? first : undefined;
      for (const name of node.outputs) types.set(name, expansion?.types.get(name) ?? kept ?? 'float32');
    }
    for (const [name, shape] of expansion?.shapes ?? []) shapes.set(name, shape);
    step.outputs.forEach((name, i) => void shapes.set(name, step.outputShapes[i]));
    for (const name of [...(expansion?.inner.keys() ?? []), ...step.outputs]) watchable.add(name);
    nodes.push(...added);
  }
  const graph: Graph = {
    nodes: sortTopologically(nodes),
    inputs,
    outputs,
    constants: constants.shapes,
    values: constants.values,
    shapes,
    types,
  };
  return {
    graph,
    expansions,
    watchable: graph.nodes.flatMap((node) => node.outputs).filter((name) => watchable.has(name)),
  };
}

function expand(
  call: Extract<ModelStep, { readonly kind: 'call' }>,
  constants: LayerConstants,
  types: ReadonlyMap<string, DType>,
  expansions: Map<string, LayerExpansion>,
): readonly GraphNode[] {
  const builder = new LayerNodes(call, constants, types.get(call.inputs[0]));
  expandLayer(builder, call.layer);
  const expansion = builder.finish();
  expansions.set(call.name, expansion);
  return expansion.nodes;
}

/** Nodes that give tensors other names, at the border of a model within the model. */
function renamingNodes({ inputs, outputs }: ModelStep): GraphNode[] {
  return outputs.map((output, i) => ({
    name: `${output}/Identity`,
    op: 'Identity',
    inputs: [inputs[i]],
    outputs: [output],
  }));
}
