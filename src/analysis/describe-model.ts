import type { TextGeneration } from '../model/language/generation.ts';
import type { Model, ModelInfo, SecondModel, SecondModelInfo } from '../model/model.ts';
import { findNumericalSites } from './numerical-sites/find-sites.ts';

/** What is known of a loaded model, as plain data. */
export function describeModel(model: Model): ModelInfo {
  const { path, format, sha256, runtime, inputs, outputs, graph, watchable, secondModel, generation } = model;
  return {
    path,
    format,
    sha256,
    runtime,
    inputs,
    outputs,
    graph,
    watchable,
    sites: findNumericalSites(model),
    ...(secondModel === undefined ? {} : { secondModel: describeSecondModel(secondModel) }),
    ...(generation === undefined ? {} : { generation: describeGeneration(generation) }),
  };
}

function describeGeneration({
  sha256,
  vocabularySize,
  description,
  defaultCoverage,
}: TextGeneration): NonNullable<ModelInfo['generation']> {
  return { sha256, vocabularySize, description, defaultCoverage };
}

function describeSecondModel({
  model: { path, format, sha256, runtime },
  outputs,
}: SecondModel): SecondModelInfo {
  return { path, format, sha256, runtime, outputs };
}
