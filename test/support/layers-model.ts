import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import {
  input,
  type LayersModel,
  layers,
  model,
  type SymbolicTensor,
  sequential,
} from '@tensorflow/tfjs-layers';
import { loadModel } from '../../src/model/formats/registry.ts';
import type { Model } from '../../src/model/model.ts';
import { sizeOf, type Tensor } from '../../src/tensor/tensor.ts';

/** Writes a layers model in a folder of its own; returns the folder. */
export async function writeLayersModel(folder: string, name: string, net: LayersModel): Promise<string> {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  await net.save(
    tf.io.withSaveHandler(async (artifacts) => {
      const { modelTopology, weightSpecs, weightData } = artifacts;
      const manifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
      writeFileSync(
        join(path, 'model.json'),
        JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest: manifest }),
      );
      writeFileSync(join(path, 'weights.bin'), new Uint8Array(weightData as ArrayBuffer));
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
  return path;
}

/** Reproducible numbers from −1 to 1. */
function numbers(count: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return (2 * state) / 2147483647 - 1;
  });
}

/** Gives a model's weights numbers of their own, variances positive ones. */
export function fillWeights(net: LayersModel): LayersModel {
  net.weights.forEach((weight, i) => {
    const values = numbers(sizeOf(weight.shape.map(Number)), i + 7);
    const isVariance = weight.originalName.endsWith('variance');
    const filled = isVariance ? values.map((value) => Math.abs(value) + 0.1) : values;
    weight.write(tf.tensor(filled, weight.shape.map(Number), 'float32'));
  });
  return net;
}

export function feedsOf({ inputs }: Model, rows: number): Tensor[] {
  return inputs.map(({ type, shape }, i) => {
    const dims = shape.map((dimension, axis) => dimension ?? (axis === 0 ? rows : 6));
    const values = numbers(sizeOf(dims), i + 31);
    if (type === 'float32') return { type, shape: dims, data: values };
    return { type, shape: dims, data: Int32Array.from(values, (value) => Math.floor((value + 1) * 2)) };
  });
}

/** Loads a model, runs it with and without all its tensors watched, and compares; returns it with the tensors. */
export async function runWatched(folder: string, name: string, net: LayersModel, runtime: 'cpu' | 'wasm') {
  const loaded = await loadModel(await writeLayersModel(folder, name.replaceAll(' ', '-'), net), { runtime });
  const feeds = feedsOf(loaded, 4);
  const alone = await loaded.run(feeds, []);
  const { outputs, activations } = await loaded.run(feeds, loaded.watchable);
  outputs.forEach((output, i) => void expect(output).toEqual(alone.outputs[i]));
  return { loaded, activations };
}

/** Four units x + 0.2, which are all dead where x < −0.2, under a layer normalization and a softmax. */
export function normalizedUnits(epsilon: number): LayersModel {
  const net = sequential({
    layers: [
      layers.dense({ units: 4, inputShape: [4], activation: 'relu', name: 'hidden' }),
      layers.layerNormalization({ epsilon, name: 'norm' }),
      layers.dense({ units: 3, activation: 'softmax', name: 'classes' }),
    ],
  });
  net.layers[0].setWeights([tf.eye(4), tf.fill([4], 0.2)]);
  return net;
}

/** A softmax whose scores are masked with −∞ by words that a table looks up. */
export function maskedSoftmax(): LayersModel {
  const words = input({ shape: [6], name: 'words', dtype: 'int32' });
  const scores = input({ shape: [6], name: 'scores' });
  const table = layers.embedding({ inputDim: 2, outputDim: 1, name: 'table' });
  const mask = layers.flatten({ name: 'mask' }).apply(table.apply(words)) as SymbolicTensor;
  table.setWeights([tf.tensor2d([0, Number.NEGATIVE_INFINITY], [2, 1])]);
  const masked = layers.add({ name: 'masked' }).apply([scores, mask]);
  return model({
    inputs: [words, scores],
    outputs: layers.softmax({ axis: -1, name: 'weights' }).apply(masked) as SymbolicTensor,
  });
}
