import type { Copy, CopyInfo, Model, ModelInfo } from './model.ts';
import { sitesOf } from './sites/sites.ts';

/** What is known of a loaded model, as plain data. */
export function describe(model: Model): ModelInfo {
  const { path, format, sha256, runtime, inputs, outputs, graph, watchable, copy } = model;
  return {
    path,
    format,
    sha256,
    runtime,
    inputs,
    outputs,
    graph,
    watchable,
    sites: sitesOf(model),
    ...(copy === undefined ? {} : { copy: copyInfo(copy) }),
  };
}

function copyInfo({ model: { path, format, sha256, runtime }, outputs }: Copy): CopyInfo {
  return { path, format, sha256, runtime, outputs };
}
