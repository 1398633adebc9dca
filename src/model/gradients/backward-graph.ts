import { DTYPES, type DType, readNumber, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import { DATA_TYPE } from '../formats/onnx/tensor.ts';
import type { Graph, GraphNode } from '../graph/graph.ts';
import { findInputDependentTensors } from '../graph/input-dependence.ts';
import type { Differentiation, OperandGradients } from './rule.ts';
import { isFlat, ruleOf } from './rules/registry.ts';
import { TensorWriter, type Value } from './tensor-writer.ts';

/** Name of the input that takes the gradient arriving at the differentiated tensor. */
export const UPSTREAM = 'neurofuzz/gradient/upstream';

/** The same for the further tensors that are differentiated, by their index. */
export function furtherUpstream(index: number): string {
  return `${UPSTREAM}/${index + 1}`;
}

/** Begins the names of the inputs that take tensors of the forward run. */
const SAVED_PREFIX = 'neurofuzz/gradient/save/';

/** What a backward graph is built from. */
export interface BackwardRequest {
  readonly graph: Graph;
  /** Version of the default domain's operators. */
  readonly opset: number;
  /** A weight or another constant; undefined if there is none or it cannot be read. */
  readonly constant: (name: string) => Tensor | undefined;
  /** Tensors of a forward run with the shapes that the backward graph is for: those that `tensorsToProbe` names. */
  readonly forward: ReadonlyMap<string, Tensor>;
  /** The differentiated tensor. */
  readonly of: string;
  /** Further ones, whose gradients are added. */
  readonly alsoOf: readonly string[];
  /** Tensors that it is differentiated with respect to: inputs, or inner ones. */
  readonly wrt: readonly string[];
  /** Whether rounding passes gradients on as the identity does. For searching, not for what is reported as a gradient. */
  readonly straightThrough: boolean;
  /** Whether each Relu passes on only what is positive. */
  readonly guided: boolean;
  /** Whether the nodes are for the model's own graph, whose tensors they read, or for one that gets those as inputs. */
  readonly isAppended: boolean;
}

/** Nodes that compute gradients. */
export interface BackwardGraph {
  readonly writer: TensorWriter;
  /** Tensors of the forward run that are inputs; with `isAppended` none. */
  readonly saved: readonly { readonly tensor: string; readonly input: string }[];
  /** Of each of `wrt`, its gradient; undefined where no path leads to it. */
  readonly gradients: readonly (Value | undefined)[];
  /** Operations on the way that pass no gradient on, as `Op (node)`, in the graph's order. */
  readonly stops: readonly string[];
  /** Number of the forward nodes that the gradient goes through, and of all on the paths. */
  readonly differentiated: number;
  readonly onPath: number;
}

/** Nodes that lie between some tensors and others, in topological order. */
export function nodesBetween(graph: Graph, from: readonly string[], to: readonly string[]): GraphNode[] {
  const dependent = new Set(from);
  for (const { inputs, outputs } of graph.nodes)
    if (inputs.some((name) => dependent.has(name)))
      for (const output of outputs) if (output !== '') dependent.add(output);
  const needed = new Set(to);
  const between: GraphNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name) && dependent.has(name))) continue;
    // A tensor that it is differentiated with respect to ends the way, also where it is an inner one.
    if (node.outputs.every((name) => from.includes(name) || !needed.has(name))) continue;
    between.push(node);
    for (const name of node.inputs) if (dependent.has(name)) needed.add(name);
  }
  return between.reverse();
}

/** Tensors whose shapes, and values where they are few integers, must be known for a backward graph. */
export function tensorsToProbe(graph: Graph, of: readonly string[], wrt: readonly string[]): string[] {
  const names = nodesBetween(graph, wrt, of).flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  return [...new Set([...of, ...wrt, ...names])].filter((name) => name !== '' && !graph.constants.has(name));
}

/** Builds the backward graph of one tensor for the shapes of a forward run. */
export function buildBackwardGraph(request: BackwardRequest): BackwardGraph {
  return new BackwardBuilder(request).build();
}

class BackwardBuilder {
  readonly #request: BackwardRequest;
  readonly #writer = new TensorWriter();
  readonly #dependent: ReadonlySet<string>;
  readonly #saved = new Map<string, Value>();
  readonly #converted = new Map<string, Value>();
  /** Gradients that have arrived at a tensor so far. */
  readonly #arrived = new Map<string, Value[]>();

  constructor(request: BackwardRequest) {
    this.#request = request;
    this.#dependent = findInputDependentTensors(request.graph);
  }

  build(): BackwardGraph {
    const { graph, of, alsoOf, wrt } = this.#request;
    const w = this.#writer;
    const path = nodesBetween(graph, wrt, [of, ...alsoOf]);
    const onPath = new Set([...wrt, ...path.flatMap(({ outputs }) => outputs)]);
    [of, ...alsoOf].forEach((tensor, i) => {
      const shape = this.#shapeOf(tensor);
      const name = w.builder.input(i === 0 ? UPSTREAM : furtherUpstream(i - 1), 'float32', shape);
      this.#arrived.set(tensor, [{ name, shape }]);
    });
    const stops: string[] = [];
    let differentiated = 0;
    for (const node of [...path].reverse()) {
      const upstream = node.outputs.map((name) =>
        name === '' || wrt.includes(name) ? undefined : this.#gradientOf(name),
      );
      if (upstream.every((value) => value === undefined)) continue;
      const gradients = this.#differentiate(node, upstream, onPath);
      if (gradients === undefined) {
        if (!isFlat(node)) stops.unshift(`${node.op} (${node.name})`);
        continue;
      }
      differentiated++;
      gradients.forEach((gradient, i) => {
        const name = node.inputs[i];
        if (gradient === undefined || !onPath.has(name)) return;
        this.#arrived.set(name, [...(this.#arrived.get(name) ?? []), gradient]);
      });
    }
    return {
      writer: w,
      saved: [...this.#saved].map(([tensor, { name }]) => ({ tensor, input: name })),
      gradients: wrt.map((name) => this.#gradientOf(name)),
      stops,
      differentiated,
      onPath: path.length,
    };
  }

  #gradientOf(tensor: string): Value | undefined {
    const arrived = this.#arrived.get(tensor);
    if (arrived === undefined) return undefined;
    const total = this.#writer.sum(arrived);
    if (total === undefined) return undefined;
    const shape = this.#shapeOf(tensor);
    const whole = this.#writer.expand(total, shape);
    this.#arrived.set(tensor, [whole]);
    return whole;
  }

  #differentiate(
    node: GraphNode,
    upstream: readonly (Value | undefined)[],
    onPath: ReadonlySet<string>,
  ): OperandGradients | undefined {
    if (node.op === 'Cast' || node.op === 'CastLike') return this.#differentiateCast(node, upstream[0]);
    const rule = ruleOf(node.op, node.domain);
    if (rule === undefined) return undefined;
    const { opset, straightThrough, guided } = this.#request;
    const arriving = (output: number): Value | undefined => {
      const g = upstream[output];
      return g !== undefined && guided && this.#isRectifier(node)
        ? this.#writer.node('Relu', [g], g.shape)
        : g;
    };
    const at: Differentiation = {
      node,
      opset,
      writer: this.#writer,
      straightThrough,
      wants: (input) => onPath.has(node.inputs[input] ?? ''),
      upstream: arriving,
      operand: (input) => this.#inFloat(node.inputs[input]),
      result: (output) => this.#inFloat(node.outputs[output]),
      plainOperand: (input) => this.#value(node.inputs[input]),
      indices: (input) => this.#convert(node.inputs[input], 'int64'),
      resultIndices: (output) => this.#convert(node.outputs[output], 'int64'),
      inputShape: (input) => this.#shapeOf(node.inputs[input]),
      outputShape: (output) => this.#shapeOf(node.outputs[output]),
      hasInput: (input) => (node.inputs[input] ?? '') !== '',
      isBoolean: (input) => this.#typeOf(node.inputs[input]) === 'bool',
      numbers: (input) => this.#numbersOf(node.inputs[input]),
    };
    return rule(at);
  }

  /** Whether an operation is a Relu, an activation that is fused with another operation included. */
  #isRectifier({ op, inputs, attributes }: GraphNode): boolean {
    if (op === 'Relu' || attributes?.activation === 'Relu') return true;
    if (op !== 'Clip') return false;
    const low = inputs[1] ? this.#numbersOf(inputs[1])?.[0] : attributes?.min;
    return low === 0;
  }

  /** Between types of floating point, and from integers, a Cast is the identity; to integers it is a step. */
  #differentiateCast({ inputs, outputs }: GraphNode, g: Value | undefined): OperandGradients | undefined {
    const isStep = isFloat(this.#typeOf(inputs[0])) && !isFloat(this.#typeOf(outputs[0]));
    return isStep && !this.#request.straightThrough ? undefined : [g];
  }

  #typeOf(tensor: string): DType {
    const { graph, forward, isAppended, constant } = this.#request;
    const type = forward.get(tensor)?.type;
    if (type !== undefined) return type;
    // A constant of a copy in emulated half precision has another type than in the file.
    const weight = isAppended ? undefined : constant(tensor);
    return weight?.type ?? graph.types.get(tensor) ?? 'float32';
  }

  #shapeOf(tensor: string): readonly number[] {
    const { graph, forward } = this.#request;
    const shape = forward.get(tensor)?.shape ?? graph.constants.get(tensor);
    if (shape === undefined) throw new Error(`the shape of ${tensor} is not known`);
    return shape;
  }

  #numbersOf(tensor: string): readonly number[] | undefined {
    const { graph, constant, forward } = this.#request;
    if (this.#dependent.has(tensor)) return undefined;
    const values = graph.values.get(tensor);
    if (values !== undefined) return values;
    const known = forward.get(tensor) ?? constant(tensor);
    if (known === undefined) return undefined;
    return Array.from({ length: sizeOf(known.shape) }, (_, i) => readNumber(known.type, known.data, i));
  }

  /** A tensor of the forward run: an input of the graph, a constant of it, or with `isAppended` the model's own. */
  #value(tensor: string): Value {
    const shape = this.#shapeOf(tensor);
    const { isAppended, graph, constant } = this.#request;
    if (isAppended) return { name: tensor, shape };
    let value = this.#saved.get(tensor) ?? this.#converted.get(`constant/${tensor}`);
    if (value !== undefined) return value;
    const { builder } = this.#writer;
    if (graph.constants.has(tensor)) {
      const weight = constant(tensor);
      if (weight === undefined) throw new Error(`the constant ${tensor} cannot be read`);
      const name = builder.constant(this.#writer.freshName(), weight.type, weight.shape, weight.data);
      value = { name, shape };
      this.#converted.set(`constant/${tensor}`, value);
      return value;
    }
    value = { name: builder.input(`${SAVED_PREFIX}${tensor}`, this.#typeOf(tensor), shape), shape };
    this.#saved.set(tensor, value);
    return value;
  }

  #inFloat(tensor: string): Value {
    return this.#convert(tensor, 'float32');
  }

  #convert(tensor: string, type: DType): Value {
    if (this.#typeOf(tensor) === type) return this.#value(tensor);
    const key = `${type}/${tensor}`;
    let value = this.#converted.get(key);
    if (value === undefined) {
      const from = this.#value(tensor);
      value = this.#writer.node('Cast', [from], from.shape, { to: DATA_TYPE[type] });
      this.#converted.set(key, value);
    }
    return value;
  }
}

function isFloat(type: DType): boolean {
  return DTYPES[type].kind === 'float';
}
