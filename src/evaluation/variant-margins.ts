import { findNumericalSites } from '../analysis/numerical-sites/find-sites.ts';
import type { NumericalSite } from '../analysis/numerical-sites/site.ts';
import { marginsOf, tensorsToWatch } from '../analysis/numerical-sites/site-margins.ts';
import type { BatchedModel, BatchResult } from '../model/batched-model.ts';
import type { Model } from '../model/model.ts';
import {
  isSignatureOf,
  type JudgedBatch,
  MAX_MARGINS,
  type Objective,
  slug,
} from '../objectives/objective.ts';
import type { ExpectedViolation } from './expected-violation.ts';
import { sliceTestcases } from './prepare-slices.ts';
import type { VariantBatch } from './test-variants.ts';
import { objectiveTensors } from './watched-tensors.ts';

/**
 * Measures how close each variant is to the expected violation: by the margins of the operation in its signature, and by
 * the objective's own.
 *
 * @returns one margin per row: 0 at a violation, Infinity if nothing measures it
 */
export async function variantMargins(
  model: BatchedModel,
  objectives: readonly Objective[],
  expected: ExpectedViolation,
  { batch, rows, label, canTrace }: VariantBatch,
): Promise<Float64Array> {
  const out = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
  if (rows > model.maxBatchSize) {
    for (let row = 0; row < rows; row++) {
      const variant = { batch: sliceTestcases(batch, row, row + 1), rows: 1, label, canTrace };
      out.set(await variantMargins(model, objectives, expected, variant), row);
    }
    return out;
  }
  const relevant = objectives.filter(
    ({ name, change, margins, predictMargins }) =>
      margins !== undefined &&
      predictMargins === undefined &&
      change === undefined &&
      isSignatureOf(expected.signature, name),
  );
  const targets = cachedSites(model.model)
    .filter(({ name }) => expected.signature.endsWith(`-${slug(name)}`))
    .flatMap((site) => site.targets);
  if (targets.length === 0 && relevant.length === 0) return out;
  const watched = [
    ...new Set([...targets.flatMap(tensorsToWatch), ...objectiveTensors(relevant, model.model)]),
  ];
  let result: BatchResult;
  try {
    result = await model.run(batch, rows, watched);
  } catch {
    // The runtime fails with these tensors exposed: nothing measures the distance.
    return out;
  }
  const tensors = new Map([...result.outputs, ...result.activations].map((tensor) => [tensor.name, tensor]));
  const labels = label === undefined ? undefined : new Int32Array(rows).fill(label);
  const run: JudgedBatch = { ...result, ...(labels === undefined ? {} : { labels }) };
  const margins = new Float64Array(MAX_MARGINS);
  for (let row = 0; row < rows; row++) {
    for (const target of targets) out[row] = Math.min(out[row], ...marginsOf(target, tensors, row));
    for (const objective of relevant) {
      const count = objective.margins?.(run, row, margins) ?? 0;
      for (let i = 0; i < count; i++) out[row] = Math.min(out[row], margins[i]);
    }
  }
  return out;
}

/** Sites by model: finding them walks the whole graph. */
const SITES_BY_MODEL = new WeakMap<Model, readonly NumericalSite[]>();

function cachedSites(model: Model): readonly NumericalSite[] {
  const sites = SITES_BY_MODEL.get(model) ?? findNumericalSites(model);
  SITES_BY_MODEL.set(model, sites);
  return sites;
}
