import { randomStream } from '../core/random.ts';
import { spanOf } from '../inputs/input-descriptor.ts';
import type { BatchedModel } from '../model/batched-model.ts';
import { readNumber } from '../tensor/tensor.ts';
import { geometryOf, lowEnd, type MapGeometry } from './map.ts';
import type { ExplainContext, ExplainedInput, Explanation, MethodContext } from './method.ts';
import { saliencyMethod } from './methods/registry.ts';
import { ModelScores } from './model-scores.ts';

/** Maps that are asked for. Plain data, sent between processes. */
export interface ExplainRequest {
  readonly inputs: readonly ExplainedInput[];
  readonly methods: readonly string[];
  readonly context: ExplainContext;
  /** Names the draws of methods that are random: those of another name are others. */
  readonly draws: string;
  /** By method and input, steps of a path that were found on the model that is explained; absent for that one. */
  readonly steps?: Readonly<Record<string, readonly (number | undefined)[]>>;
}

/** Explanations by method, one for each input in their order. */
export type Explanations = Readonly<Record<string, readonly Explanation[]>>;

/** How the values of a testcase's explained input lie. */
export function geometryOfInput(
  { position, descriptor }: Pick<ExplainContext, 'position' | 'descriptor'>,
  { form }: ExplainedInput['data'],
): MapGeometry {
  const { shape, size } = form.inputs[position];
  return geometryOf(descriptor, shape, size);
}

/**
 * Explains scores by some methods.
 *
 * @param maxRows testcases in one run of the model
 * @param onProgress called with the share that is done, and after runs of the model without one
 * @throws Error where the model fails, or lacks gradients that a method needs
 */
export async function explainInputs(
  model: BatchedModel,
  { inputs, methods, context, draws, steps }: ExplainRequest,
  maxRows: number,
  onProgress: (share?: number) => void,
): Promise<Explanations> {
  const oracle = new ModelScores(model, context, maxRows, onProgress);
  const explanations: Record<string, Explanation[]> = {};
  let done = 0;
  for (const name of methods) {
    const method = saliencyMethod(name);
    explanations[name] = [];
    for (const [i, input] of inputs.entries()) {
      const key = [context.seed, 'saliency', name, draws, input.index];
      const known = steps?.[name]?.[i];
      const at = contextOf(input, context, { steps: known, random: randomStream(...key) });
      explanations[name].push(await method.explain(input, at, oracle));
      onProgress(++done / (methods.length * inputs.length));
    }
  }
  return explanations;
}

function contextOf(
  { data }: ExplainedInput,
  context: ExplainContext,
  further: Pick<MethodContext, 'steps' | 'random'>,
): MethodContext {
  const { position, descriptor, baseline } = context;
  const { type, size } = data.form.inputs[position];
  const geometry = geometryOfInput(context, data);
  const missing = baseline ?? descriptor.tokens?.pad ?? (descriptor.tokens === undefined ? undefined : 0);
  return {
    ...further,
    geometry,
    values: Float64Array.from({ length: size }, (_, i) => readNumber(type, data.inputs[position], i)),
    baseline: missing === undefined ? lowEnd(descriptor, geometry) : new Float64Array(size).fill(missing),
    span: spanOf(descriptor),
    areTokens: descriptor.tokens !== undefined,
  };
}

/** Methods that cannot be used with a model, and why. */
export type MethodRefusals = Readonly<Record<string, string>>;

/**
 * Tries which methods a model allows.
 *
 * @param request the first input is tried
 */
export async function refusedMethods(
  model: BatchedModel,
  { inputs: [input], methods, context }: Pick<ExplainRequest, 'inputs' | 'methods' | 'context'>,
): Promise<MethodRefusals> {
  const oracle = new ModelScores(model, context, 1, () => {});
  const refusals: Record<string, string> = {};
  const tried = new Map<string, string | undefined>();
  for (const name of methods)
    for (const need of saliencyMethod(name).needs) {
      if (!tried.has(need)) tried.set(need, await oracle.lacks(need, input));
      const refusal = tried.get(need);
      if (refusal !== undefined) refusals[name] ??= refusal;
    }
  return refusals;
}
