import { batchLayout, withBatchDimension } from '../../../model/batch-axis.ts';
import type { InputSpec } from '../../../model/model.ts';
import type { ShapeSignature } from '../../../model/testcase-batch.ts';

/** Shapes of a model's inputs by name in a run of one testcase. */
export function singleRowShapes(
  inputs: readonly InputSpec[],
  form: Pick<ShapeSignature, 'inputs'>,
): Map<string, readonly number[]> {
  const layout = batchLayout(inputs);
  return new Map(form.inputs.map(({ name, shape }, i) => [name, withBatchDimension(layout, i, shape, 1)]));
}
