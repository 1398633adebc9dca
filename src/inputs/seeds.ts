import type { ShapeSignature, TestcaseBatch } from '../model/batched-model.ts';

/** Seeds that fit a model, in order. Shapes may differ where the model has dynamic sizes. */
export type Seeds = readonly TestcaseBatch[];

/** Distinct shapes of seeds, in order of appearance. */
export function distinctShapes(seeds: Seeds): ShapeSignature[] {
  return [...new Map(seeds.map(({ form }) => [form.key, form])).values()];
}
