import type * as tf from '@tensorflow/tfjs-core';
import type { DType } from '../../../../tensor/tensor.ts';
import type { AttributeValue, DeclaredShape, GraphNode } from '../../../graph/graph.ts';
import type { Layer, LayerCall } from './layer-call.ts';
import type { LayerConstants } from './layer-constants.ts';

/** Arguments of a layer's call beside its inputs, such as a mask. */
export type Kwargs = Record<string, unknown>;

/** Computes a tensor within a layer from the layer's inputs. */
export type InnerTensor = (inputs: tf.Tensor[], kwargs: Kwargs | undefined) => tf.Tensor;

/** A layer's activation by itself. */
export interface SeparateActivation {
  /** The inner tensor that it is applied to. */
  readonly tensor: string;
  apply(before: tf.Tensor): tf.Tensor;
}

/** A call of a layer as nodes of the graph. */
export interface LayerExpansion {
  readonly nodes: readonly GraphNode[];
  /** Tensors within the layer that can be watched. */
  readonly inner: ReadonlyMap<string, InnerTensor>;
  /** Computes the layer's output from an inner tensor that is watched, so that the layer need not run twice. */
  readonly activation?: SeparateActivation | undefined;
  /** Shapes of the inner tensors. */
  readonly shapes: ReadonlyMap<string, DeclaredShape>;
  /** Types other than float32. */
  readonly types: ReadonlyMap<string, DType>;
}

/** Adds the nodes of a layer; `nodes.call.layer` is the layer itself, or the wrapper that applies it. */
export type LayerExpander = (nodes: LayerNodes, layer: Layer) => void;

type Attributes = Readonly<Record<string, AttributeValue>>;

/**
 * Collects the nodes of one call of a layer. A node is named after the call and its operation, such as `dense/MatMul`, and
 * so is its result; the result of the last node has the name of the call.
 */
export class LayerNodes {
  readonly call: LayerCall;
  readonly #constants: LayerConstants;
  readonly #nodes: GraphNode[] = [];
  readonly #inner = new Map<string, InnerTensor>();
  readonly #shapes = new Map<string, DeclaredShape>();
  readonly #types = new Map<string, DType>();
  readonly #inputType: DType | undefined;
  #activation: SeparateActivation | undefined;
  /** Axes that the call's tensors have and the layer's do not know of. */
  #extraAxes = 0;

  /** @param inputType of the first input; undefined if it is unknown */
  constructor(call: LayerCall, constants: LayerConstants, inputType: DType | undefined) {
    this.call = call;
    this.#constants = constants;
    this.#inputType = inputType;
  }

  /** The layer's first input. */
  get input(): string {
    return this.call.inputs[0];
  }

  /**
   * Adds a node; returns the tensor that it computes.
   *
   * @param compute computes it at runtime, for tensors within the layer that can be watched
   * @param shape if it is not that of the layer's result
   */
  add(
    op: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    compute?: InnerTensor,
    shape = this.call.outputShapes[0],
  ): string {
    const base = `${this.call.name}/${op}`;
    let name = base;
    for (let count = 2; this.#nodes.some((node) => node.name === name); count++) name = `${base}_${count}`;
    this.#nodes.push({ name, op, inputs, outputs: [name], attributes });
    this.#shapes.set(name, shape);
    if (compute !== undefined) this.#inner.set(name, compute);
    return name;
  }

  /** The layer's first input, converted to a type unless it has it. */
  inputAs(type: DType): string {
    if (this.#inputType === type) return this.input;
    const cast = this.add('Cast', [this.input], {}, undefined, this.call.inputShapes[0]);
    this.#types.set(cast, type);
    return cast;
  }

  /** Adds the nodes of a layer that is applied at each step of a sequence. */
  atEachStep(addNodes: () => void): void {
    this.#extraAxes++;
    addNodes();
    this.#extraAxes--;
  }

  /** An axis that a layer counts with the batch, as one of the call's tensors. */
  axis(axis: number): number {
    return axis < 0 ? axis : axis + this.#extraAxes;
  }

  /** Marks the last node as an activation that can be applied by itself. */
  separateActivation(activation: SeparateActivation): void {
    this.#activation = activation;
  }

  /** The name of a layer's weight, such as `kernel`; undefined if it has none of the name. */
  weight(layer: Layer, weight: string): string | undefined {
    const variable = layer.weights.find(({ originalName }) => originalName.split('/').at(-1) === weight);
    return variable === undefined ? undefined : this.#constants.nameOf(variable);
  }

  /** A vector that the layer has as a setting; returns its name. */
  constant(name: string, values: readonly number[]): string {
    return this.#constants.add(`${this.call.name}/${name}`, values);
  }

  finish(): LayerExpansion {
    if (this.#nodes.length === 0) this.add('Identity', [this.input]);
    const last = this.#nodes[this.#nodes.length - 1];
    this.#inner.delete(last.name);
    this.#shapes.delete(last.name);
    return {
      nodes: [...this.#nodes.slice(0, -1), { ...last, outputs: this.call.outputs }],
      inner: this.#inner,
      activation: this.#activation,
      shapes: this.#shapes,
      types: this.#types,
    };
  }
}

/** Settings of a layer that are numbers, lists of numbers or text, by those of the names that it has. */
export function settingsOf(layer: Layer, names: readonly string[]): Attributes {
  const config = layer.getConfig();
  const read = names.flatMap((name): [string, AttributeValue][] => {
    const value = config[name];
    const isList = Array.isArray(value) && value.every((item) => typeof item === 'number');
    if (typeof value === 'number' || typeof value === 'string') return [[name, value]];
    return isList ? [[name, value as number[]]] : [];
  });
  return Object.fromEntries(read);
}
