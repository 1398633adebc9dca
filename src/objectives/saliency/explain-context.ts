import { resolveImageFormat } from '../../inputs/image.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { BatchedModel } from '../../model/batched-model.ts';
import { findLogits } from '../../model/graph/find-logits.ts';
import type { TestcaseBatch } from '../../model/testcase-batch.ts';
import type { ExplainContext } from '../../saliency/method.ts';
import { DTYPES } from '../../tensor/tensor.ts';

/** What is explained, by the model alone: the first input of numbers, and the logits. @returns a clause where there is none */
export function explainContextOf(
  { model }: BatchedModel,
  { form }: TestcaseBatch,
  output: string,
  baseline: number,
): ExplainContext | string {
  const position = model.inputs.findIndex(
    ({ type, strings }) => DTYPES[type].kind === 'float' && strings === undefined,
  );
  if (position < 0) return 'needs an input of floats, and there is none';
  const { name, type, shape, size } = form.inputs[position];
  const logits = findLogits(model.graph)?.tensor;
  const descriptor: InputDescriptor = {
    name,
    type,
    domains: ['numbers'],
    size,
    range: { low: baseline, high: baseline + 1 },
    picture: resolveImageFormat({ name, type, shape }, undefined, [0, 1]),
    columns: undefined,
    fixed: undefined,
    tokens: undefined,
  };
  return {
    seed: '',
    descriptor,
    position,
    scores: logits !== undefined && model.watchable.includes(logits) ? logits : output,
    baseline,
  };
}
