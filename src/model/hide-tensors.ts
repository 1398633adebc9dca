import type { Model } from './model.ts';

/**
 * A model of which only the outputs are seen, as by an attacker without its weights: no inner tensor can be watched, there are no
 * gradients, and nothing is traced to operations.
 */
export function hideTensors(model: Model): Model {
  const { path, format, sha256, runtime, inputs, outputs, omittedOutputs, classes, half, graph } = model;
  const { unoptimizedRun, threadedRun } = model.capabilities;
  const shown = new Set(outputs);
  return {
    path,
    format,
    sha256,
    runtime,
    inputs,
    outputs,
    ...(omittedOutputs === undefined ? {} : { omittedOutputs }),
    ...(classes === undefined ? {} : { classes }),
    ...(half === undefined ? {} : { half }),
    graph,
    watchable: model.watchable.filter((name) => shown.has(name)),
    hidesTensors: true,
    ...(model.secondModel === undefined ? {} : { secondModel: model.secondModel }),
    capabilities: {
      ...(unoptimizedRun === undefined ? {} : { unoptimizedRun }),
      ...(threadedRun === undefined ? {} : { threadedRun }),
    },
    async run(feeds, watched) {
      const inner = watched.find((name) => !shown.has(name));
      if (inner !== undefined) throw new Error(`the tensor ${inner} is hidden: only outputs are seen`);
      return model.run(feeds, watched);
    },
    constant: (name) => model.constant(name),
    dispose: () => model.dispose(),
  };
}
