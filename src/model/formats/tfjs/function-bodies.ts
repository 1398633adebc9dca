import type { GraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';

/** What runs a function of a graph model, such as the body of a loop. */
interface FunctionExecutor {
  executeFunctionAsync(...parameters: unknown[]): Promise<tf.Tensor[]>;
}

/**
 * Makes functions of a model leave the tensors alone that lists keep. At the end of a function, tfjs-converter 4.22 disposes of all
 * tensors that it does not return, those in lists included, so that a loop that fills a list fails (3.21 does not).
 */
export function keepListTensors(loaded: GraphModel): void {
  const { executor } = loaded as unknown as {
    readonly executor?: { readonly functionExecutorMap?: Readonly<Record<string, FunctionExecutor>> };
  };
  for (const body of Object.values(executor?.functionExecutorMap ?? {})) {
    const execute = body.executeFunctionAsync.bind(body);
    body.executeFunctionAsync = async (...parameters) => {
      const { prototype } = tf.Tensor;
      const { dispose } = prototype;
      prototype.dispose = function disposeUnlessKept(this: tf.Tensor): void {
        if (!this.kept) dispose.call(this);
      };
      try {
        return await execute(...parameters);
      } finally {
        prototype.dispose = dispose;
      }
    };
  }
}
