/** Process that runs a model on given inputs directly on the runtime, to find out whether the runtime supports it. */

import { readFile } from 'node:fs/promises';
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { ort } from '../src/model/formats/onnx/onnxruntime.ts';
import { decodeOnnxTensor } from '../src/model/formats/onnx/tensor.ts';
import { serve } from '../src/workers/rpc-server.ts';

const methods = {
  /** Returns why the runtime cannot run it; undefined if it can. */
  async fails({ model, inputs }: { model: string; inputs: readonly string[] }): Promise<string | undefined> {
    try {
      const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4 });
      const feeds: Record<string, OrtTensor> = {};
      for (const [i, path] of inputs.entries()) {
        const { type, shape, data } = decodeOnnxTensor(await readFile(path), path);
        feeds[session.inputNames[i]] = new ort.Tensor(type, data as Float32Array, shape);
      }
      await session.run(feeds);
      return undefined;
    } catch (error) {
      return (error as Error).message.split('\n', 1)[0];
    }
  },
};

export type TestdataApi = typeof methods;

serve(methods);
