/** Process that runs a model once, or traces where its values become non-finite, and reports its peak memory. */

import { NonfiniteLocalizer } from '../src/analysis/nonfinite-localizer.ts';
import { loadModel } from '../src/model/formats/registry.ts';
import { makeData, sizeOf } from '../src/tensor/tensor.ts';
import { serve } from '../src/workers/rpc-server.ts';

const methods = {
  async measure({ model: path, mode }: { model: string; mode: 'plain' | 'trace' }) {
    const model = await loadModel(path, { runtime: 'auto' });
    const feeds = model.inputs.map(({ type, shape }) => {
      const dims = shape.map((size) => size ?? 1);
      return { type, shape: dims, data: makeData(type, sizeOf(dims)) };
    });
    const start = performance.now();
    let origin = '';
    if (mode === 'plain') await model.run(feeds, []);
    else origin = (await new NonfiniteLocalizer(model).locate(feeds))?.node.name ?? 'none';
    const seconds = (performance.now() - start) / 1000;
    return { seconds, origin, peak: process.resourceUsage().maxRSS * 1024 };
  },
};

export type TraceApi = typeof methods;

serve(methods);
