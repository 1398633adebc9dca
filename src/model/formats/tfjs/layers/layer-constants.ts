import * as tf from '@tensorflow/tfjs-core';
import type { LayerVariable } from '@tensorflow/tfjs-layers';
import { sizeOf } from '../../../../tensor/tensor.ts';
import { MAX_CONSTANT_VALUES } from '../../../graph/graph.ts';

/** Weights of a layers model, and numbers among its layers' settings, as constants of the graph. */
export class LayerConstants {
  readonly shapes = new Map<string, readonly number[]>();
  /** Values of the small ones. */
  readonly values = new Map<string, readonly number[]>();
  readonly #names = new Map<LayerVariable, string>();
  readonly #variables = new Map<string, LayerVariable>();
  readonly #settings = new Map<string, tf.Tensor>();

  /** The name of a weight, which is the one in the model's file. */
  nameOf(variable: LayerVariable): string {
    const known = this.#names.get(variable);
    if (known !== undefined) return known;
    const name = this.#unusedName(variable.originalName);
    this.#names.set(variable, name);
    this.#variables.set(name, variable);
    const shape = variable.shape.map(Number);
    this.shapes.set(name, shape);
    if (sizeOf(shape) <= MAX_CONSTANT_VALUES) this.values.set(name, [...variable.read().dataSync()]);
    return name;
  }

  /** Adds a vector in single precision; returns its name. */
  add(wanted: string, numbers: readonly number[]): string {
    const values = numbers.map(Math.fround);
    const name = this.#unusedName(wanted);
    this.shapes.set(name, [values.length]);
    this.values.set(name, values);
    this.#settings.set(name, tf.tensor1d(values, 'float32'));
    return name;
  }

  tensor(name: string): tf.Tensor | undefined {
    return this.#variables.get(name)?.read() ?? this.#settings.get(name);
  }

  dispose(): void {
    tf.dispose([...this.#settings.values()]);
  }

  #unusedName(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.shapes.has(name); count++) name = `${wanted}@${count}`;
    return name;
  }
}
