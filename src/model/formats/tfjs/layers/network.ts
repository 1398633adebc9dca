import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import type { TfjsArtifacts } from '../files.ts';
import { inputSpec, type LoadedNetwork } from '../loaded-network.ts';
import { CallCollector } from './layer-call.ts';
import { LayerConstants } from './layer-constants.ts';
import { readLayersGraph } from './read-graph.ts';
import { runSteps } from './run-steps.ts';

/** Loads a layers model. While inner tensors are watched, its layers are run one by one. */
export async function openLayersModel(artifacts: TfjsArtifacts): Promise<LoadedNetwork> {
  const loaded = await loadLayersModel(tf.io.fromMemory(artifacts));
  const calls = new CallCollector(loaded);
  const inputs = loaded.inputs.map(({ dtype, shape }, i) => inputSpec(calls.inputs[i], dtype, shape));
  const constants = new LayerConstants();
  for (const weight of loaded.weights) constants.nameOf(weight);
  const { graph, expansions, watchable } = readLayersGraph(calls, inputs, constants);
  const { steps, outputs } = calls;
  return {
    inputs,
    outputs,
    graph,
    watchable,
    async execute(feeds, wanted) {
      if (wanted.join() === outputs.join())
        return tf.tidy(() => ([] as tf.Tensor[]).concat(loaded.predictOnBatch([...feeds]) as tf.Tensor));
      const named = new Map(inputs.map(({ name }, i) => [name, feeds[i]]));
      return runSteps(steps, expansions, named, wanted);
    },
    compute: (given, wanted) => runSteps(steps, expansions, given, [wanted])[0],
    isAsynchronous: () => false,
    constant: (name) => constants.tensor(name),
    dispose() {
      loaded.dispose();
      constants.dispose();
    },
  };
}
