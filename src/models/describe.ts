import type { Model, ModelInfo } from './model.ts';
import { sitesOf } from './sites/sites.ts';

/** What is known of a loaded model, as plain data. */
export function describe(model: Model): ModelInfo {
  const { path, format, sha256, runtime, inputs, outputs, graph, watchable } = model;
  return { path, format, sha256, runtime, inputs, outputs, graph, watchable, sites: sitesOf(model) };
}
