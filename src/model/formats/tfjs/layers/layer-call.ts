import { LayersModel, type layers, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { DeclaredShape } from '../../../graph/graph.ts';

export type Layer = layers.Layer;

/** A call of a layer in a layers model, of which a shared layer has several. */
export interface LayerCall {
  readonly layer: Layer;
  /** The layer's name behind the names of the models around it; `@2` and so on from its second call. */
  readonly name: string;
  readonly inputs: readonly string[];
  /** The call's name, and with `:1` and so on behind it for a layer of several outputs. */
  readonly outputs: readonly string[];
  /** Shapes of `inputs` and `outputs`. */
  readonly inputShapes: readonly DeclaredShape[];
  readonly outputShapes: readonly DeclaredShape[];
}

/**
 * A step of a layers model. A model within a model is laid out between an `enter`, which gives its inputs names of
 * their own, and an `exit`, which gives its outputs the name of its call.
 */
export type ModelStep =
  | ({ readonly kind: 'call' } & LayerCall)
  | ({ readonly kind: 'enter' | 'exit' | 'alias' } & Omit<LayerCall, 'layer'>);

/** Names of the symbolic tensors of a model, of which a shared inner model has several sets. */
interface Frame {
  /** Names of the models around, each followed by a slash. */
  readonly scope: string;
  readonly names: Map<number, string>;
}

/**
 * The steps of a model, in the order in which TensorFlow.js executes them (engine/executor.ts,
 * getTopologicalSortAndRecipientCounts): masks depend on it.
 */
export class CallCollector {
  readonly steps: ModelStep[] = [];
  /** Names of the model's inputs and outputs. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly #taken = new Set<string>();

  constructor(model: LayersModel) {
    const frame: Frame = { scope: '', names: new Map() };
    this.inputs = model.inputs.map((tensor) => {
      const name = this.#unusedName(tensor.sourceLayer.name);
      frame.names.set(tensor.id, name);
      return name;
    });
    this.outputs = model.outputs.map((tensor) => this.#visit(tensor, frame));
    this.#nameFirstModels(model, frame);
  }

  /** Visits what a tensor is computed from; returns its name. */
  #visit(tensor: SymbolicTensor, frame: Frame): string {
    const known = frame.names.get(tensor.id);
    if (known !== undefined) return known;
    for (const input of [...tensor.inputs].reverse()) this.#visit(input, frame);
    this.#addCall(tensor, frame);
    return nameIn(frame, tensor);
  }

  #addCall(tensor: SymbolicTensor, frame: Frame): void {
    const { sourceLayer: layer } = tensor;
    const name = this.#unusedName(`${frame.scope}${layer.name}`);
    const results = layer.inboundNodes[tensor.nodeIndex].outputTensors;
    const call: LayerCall = {
      layer,
      name,
      inputs: tensor.inputs.map((input) => nameIn(frame, input)),
      outputs: results.map((_, i) => (i === 0 ? name : `${name}:${i}`)),
      inputShapes: tensor.inputs.map(({ shape }) => shape),
      outputShapes: results.map(({ shape }) => shape),
    };
    if (layer instanceof LayersModel) this.#addModel(layer, call);
    else this.steps.push({ kind: 'call', ...call });
    results.forEach((result, i) => void frame.names.set(result.id, call.outputs[i]));
  }

  #addModel(model: LayersModel, { name, inputs, outputs, inputShapes, outputShapes }: LayerCall): void {
    const frame: Frame = { scope: `${name}/`, names: new Map() };
    const entries = model.inputs.map(({ id, sourceLayer }) => {
      const entry = this.#unusedName(`${frame.scope}${sourceLayer.name}`);
      frame.names.set(id, entry);
      return entry;
    });
    this.steps.push({
      kind: 'enter',
      name,
      inputs,
      outputs: entries,
      inputShapes,
      outputShapes: inputShapes,
    });
    const results = model.outputs.map((tensor) => this.#visit(tensor, frame));
    this.steps.push({
      kind: 'exit',
      name,
      inputs: results,
      outputs,
      inputShapes: outputShapes,
      outputShapes,
    });
  }

  /** A model that is the first layer of a Sequential is no call of its own there: its output gets its name. */
  #nameFirstModels(model: LayersModel, frame: Frame): void {
    for (const layer of model.layers) {
      if (!(layer instanceof LayersModel) || this.#taken.has(layer.name)) continue;
      const [{ id, shape }] = layer.outputs;
      const source = frame.names.get(id);
      if (source === undefined) continue;
      const name = this.#unusedName(layer.name);
      const shapes = { inputShapes: [shape], outputShapes: [shape] };
      this.steps.push({ kind: 'alias', name, inputs: [source], outputs: [name], ...shapes });
    }
  }

  #unusedName(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#taken.has(name); count++) name = `${wanted}@${count}`;
    this.#taken.add(name);
    return name;
  }
}

function nameIn({ names }: Frame, tensor: SymbolicTensor): string {
  const name = names.get(tensor.id);
  if (name === undefined) throw new Error(`the model does not compute ${tensor.name}`);
  return name;
}
