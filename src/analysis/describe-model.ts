import type { InputEvidence } from '../model/input-evidence.ts';
import type { TextGeneration } from '../model/language/generation.ts';
import type { Model, ModelInfo, SecondModel, SecondModelInfo } from '../model/model.ts';
import { gatherInputEvidence } from './input-evidence/input-evidence.ts';
import { findNumericalSites } from './numerical-sites/find-sites.ts';
import type { NumericalSite } from './numerical-sites/site.ts';

/** Description of a loaded model as plain data, for other processes. */
export interface ModelDescription {
  readonly model: ModelInfo;
  /** Operations that can make a NaN or an infinity, in topological order. */
  readonly sites: readonly NumericalSite[];
}

export function describeModel(model: Model): ModelDescription {
  const { path, format, sha256, runtime, inputs, outputs, omittedOutputs, classes } = model;
  const { half, graph, watchable, hidesTensors, secondModel, capabilities } = model;
  const { textGeneration } = capabilities;
  const info: ModelInfo = {
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
    watchable,
    ...(hidesTensors === undefined ? {} : { hidesTensors }),
    ...(capabilities.gradients !== undefined || textGeneration?.isDifferentiable === true
      ? { isDifferentiable: true }
      : {}),
    evidence: hidesTensors === true ? shownEvidence(model) : gatherInputEvidence(model),
    ...(secondModel === undefined ? {} : { secondModel: describeSecondModel(secondModel) }),
    ...(textGeneration === undefined ? {} : { generation: describeGeneration(textGeneration) }),
  };
  return { model: info, sites: hidesTensors === true ? [] : findNumericalSites(model) };
}

/** What is known of inputs whose model hides its weights: not the values that it splits at or compares with. */
function shownEvidence(model: Model): InputEvidence[] {
  return gatherInputEvidence(model).map(
    ({ splits: _splits, comparedWith: _constants, ...evidence }) => evidence,
  );
}

function describeGeneration({
  sha256,
  vocabularySize,
  description,
  maxTokens,
  weightsPerToken,
  defaultCoverage,
}: TextGeneration): NonNullable<ModelInfo['generation']> {
  return { sha256, vocabularySize, description, maxTokens, weightsPerToken, defaultCoverage };
}

function describeSecondModel({
  model: { path, format, sha256, runtime, half },
  outputs,
}: SecondModel): SecondModelInfo {
  return { path, format, sha256, runtime, ...(half === undefined ? {} : { half }), outputs };
}
