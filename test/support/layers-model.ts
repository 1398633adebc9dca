import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
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
