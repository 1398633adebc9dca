import type { Generation } from '../model/language/generation.ts';
import type { Copy, CopyInfo, Model, ModelInfo } from '../model/model.ts';
import { sitesOf } from './numerical-sites/find-sites.ts';

/** What is known of a loaded model, as plain data. */
export function describe(model: Model): ModelInfo {
  const { path, format, sha256, runtime, inputs, outputs, graph, watchable, copy, generation } = model;
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
    ...(generation === undefined ? {} : { generation: generationInfo(generation) }),
  };
}

function generationInfo({ sha256, size, what, telling }: Generation): NonNullable<ModelInfo['generation']> {
  return { sha256, size, what, telling };
}

function copyInfo({ model: { path, format, sha256, runtime }, outputs }: Copy): CopyInfo {
  return { path, format, sha256, runtime, outputs };
}
