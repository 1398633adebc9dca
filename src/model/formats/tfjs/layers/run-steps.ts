import * as tf from '@tensorflow/tfjs-core';
import type { ModelStep } from './layer-call.ts';
import type { Kwargs, LayerExpansion } from './layer-nodes.ts';

type Mask = tf.Tensor | null;

/**
 * Runs the steps of a layers model and gives the tensors asked for, in their order; they are the caller's to dispose.
 * Layers get the arguments that TensorFlow.js gives them (engine/executor.ts, execute), in which a mask stays for the
 * layers behind the one that it is for.
 *
 * @param feeds by the names of the model's inputs; of inner tensors that are given the values are taken as they are
 * @param expansions of the calls, by their names
 */
export function runSteps(
  steps: readonly ModelStep[],
  expansions: ReadonlyMap<string, LayerExpansion>,
  feeds: ReadonlyMap<string, tf.Tensor>,
  wanted: readonly string[],
): tf.Tensor[] {
  return tf.tidy(() => {
    const run = new StepRun(steps, expansions, feeds, new Set(wanted));
    for (const step of steps) {
      if (wanted.every((name) => run.has(name))) break;
      run.take(step);
    }
    return wanted.map((name) => {
      const value = run.value(name);
      return feeds.has(name) ? value.clone() : value;
    });
  });
}

class StepRun {
  readonly #values: Map<string, tf.Tensor>;
  readonly #masks = new Map<string, Mask>();
  readonly #expansions: ReadonlyMap<string, LayerExpansion>;
  readonly #kept: ReadonlySet<string>;
  readonly #given: ReadonlySet<string>;
  /** How often each tensor will still be read. */
  readonly #readsLeft = new Map<string, number>();
  /** Arguments of all layers of one model; undefined until one needs any. */
  #kwargs: Kwargs | undefined;
  readonly #outerKwargs: (Kwargs | undefined)[] = [];

  constructor(
    steps: readonly ModelStep[],
    expansions: ReadonlyMap<string, LayerExpansion>,
    feeds: ReadonlyMap<string, tf.Tensor>,
    wanted: ReadonlySet<string>,
  ) {
    this.#values = new Map(feeds);
    this.#expansions = expansions;
    this.#kept = new Set([...wanted, ...feeds.keys()]);
    this.#given = new Set(feeds.keys());
    for (const { inputs } of steps)
      for (const name of new Set(inputs)) this.#readsLeft.set(name, (this.#readsLeft.get(name) ?? 0) + 1);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  value(name: string): tf.Tensor {
    const value = this.#values.get(name);
    if (value === undefined) throw new Error(`${name} was not computed`);
    return value;
  }

  take(step: ModelStep): void {
    const inputs = step.inputs.map((name) => this.value(name));
    if (step.kind === 'call' || step.kind === 'enter') this.#passMasks(step.inputs);
    if (step.kind === 'enter') {
      this.#outerKwargs.push(this.#kwargs);
      this.#kwargs ??= {};
    }
    if (step.kind === 'exit') this.#kwargs = this.#outerKwargs.pop();
    const results = step.kind === 'call' ? this.#call(step, inputs) : inputs.map((input) => input.clone());
    step.outputs.forEach((name, i) => this.#set(name, results[i]));
    // What a stateful layer gives may be its state.
    const isStateful = step.kind === 'call' && step.layer.stateful === true;
    if (isStateful) for (const name of step.outputs) this.#readsLeft.set(name, Number.POSITIVE_INFINITY);
    this.#disposeUnread(step.inputs);
  }

  #set(name: string, value: tf.Tensor): void {
    if (this.#given.has(name)) value.dispose();
    else this.#values.set(name, value);
  }

  #passMasks(inputs: readonly string[]): void {
    const masks = inputs.map((name) => this.#masks.get(name) ?? null);
    if (masks.every((mask) => mask === null)) return;
    this.#kwargs ??= {};
    this.#kwargs.mask = masks[0];
  }

  #call(step: Extract<ModelStep, { readonly kind: 'call' }>, inputs: tf.Tensor[]): tf.Tensor[] {
    const { layer, name, outputs } = step;
    const { inner, activation } = this.#expansions.get(name) ?? { inner: new Map() };
    for (const [tensor, compute] of inner)
      if (this.#kept.has(tensor) && !this.#given.has(tensor))
        this.#values.set(tensor, compute(inputs, this.#kwargs));
    const before = activation && this.#values.get(activation.tensor);
    const results = toList(
      activation !== undefined && before !== undefined
        ? activation.apply(before)
        : (layer.apply(inputs, this.#kwargs) as tf.Tensor | tf.Tensor[]),
    );
    if (layer.supportsMasking) {
      const masks = step.inputs.map((input) => this.#masks.get(input) ?? null) as tf.Tensor[];
      const [mask] = toList(layer.computeMask(inputs, masks) as Mask | Mask[]);
      for (const output of outputs) this.#masks.set(output, mask);
    }
    return results;
  }

  #disposeUnread(inputs: readonly string[]): void {
    for (const name of new Set(inputs)) {
      const left = (this.#readsLeft.get(name) ?? 0) - 1;
      this.#readsLeft.set(name, left);
      if (left > 0 || this.#kept.has(name)) continue;
      this.value(name).dispose();
      this.#values.delete(name);
    }
  }
}

function toList<T>(value: T | T[]): T[] {
  return Array.isArray(value) ? value : [value];
}
