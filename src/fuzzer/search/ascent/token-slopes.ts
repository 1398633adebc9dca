import type { InputDescriptor } from '../../../inputs/input-descriptor.ts';
import { type GradientBatch, replaceTokens } from '../../../model/batched-gradient.ts';
import type { BatchedModel } from '../../../model/batched-model.ts';
import type { TokenReplacements } from '../../../model/gradients/gradient.ts';
import { completionsOf } from '../../../model/language/completion.ts';
import type { TokenSlope } from '../../../mutators/mutator.ts';
import type { Objective } from '../../../objectives/objective.ts';

/** Replacements of a token that mutants are drawn from, at most: as many as GCG has. */
const MAX_REPLACEMENTS = 256;

/** Largest vocabulary that is looked through. */
const MAX_VOCABULARY = 1 << 20;

/** Of each token of an input, −∞ where mutators may not write it, else 0. */
function barredTokens({ range, tokens }: InputDescriptor): Float32Array {
  const size = Math.max(1, Math.min(MAX_VOCABULARY, Math.floor(range.high) + 1));
  const special = new Set(tokens?.special);
  return Float32Array.from({ length: size }, (_, id) =>
    id < range.low || special.has(id) || tokens?.vocabulary?.[id] === null ? Number.NEGATIVE_INFINITY : 0,
  );
}

/** Indices of the inputs of tokens. */
export function tokenInputsOf(descriptors: readonly InputDescriptor[]): number[] {
  return descriptors.flatMap(({ tokens }, i) => (tokens === undefined ? [] : [i]));
}

/** The slope in an input of tokens, for each row of a batch. */
export async function tokenSlopes(
  model: BatchedModel,
  batch: GradientBatch,
  input: number,
  gradients: readonly Float32Array[],
  descriptor: InputDescriptor,
): Promise<TokenSlope[]> {
  const barred = barredTokens(descriptor);
  const replacements = await replaceTokens(model, batch, input, gradients, barred, MAX_REPLACEMENTS);
  return Array.from({ length: batch.rows }, (_, row) =>
    rowOf(replacements, batch.batch.form.inputs[input].size, row),
  );
}

function rowOf({ tokens, gains, count }: TokenReplacements, length: number, row: number): TokenSlope {
  const [from, to] = [row * length * count, (row + 1) * length * count];
  return { tokens: tokens.subarray(from, to), gains: gains.subarray(from, to), count };
}

/** The slopes in prompts of the likelihood of what should be said after them. */
export interface PromptSlopes {
  /** By row; undefined where nothing should be said after a prompt. */
  readonly slopes: readonly (TokenSlope | undefined)[];
  readonly seconds: number;
}

/**
 * The slopes of the margins of a text objective in the prompts of a batch.
 *
 * @param wanted of each row, the index of its margin
 * @throws NoGradientError if there is no gradient
 */
export async function promptSlopes(
  { model }: BatchedModel,
  { batch, rows }: GradientBatch,
  objective: Objective,
  wanted: readonly number[],
  descriptor: InputDescriptor,
): Promise<PromptSlopes | undefined> {
  const { textGeneration } = model.capabilities;
  if (objective.continuations === undefined || textGeneration === undefined) return undefined;
  const texts = completionsOf(textGeneration.tokenizer, batch, rows, []);
  const continuations = objective.continuations(texts, wanted);
  if (continuations.every((continuation) => continuation === undefined)) return undefined;
  const [{ type, size }] = batch.form.inputs;
  const start = performance.now();
  const replacements = await textGeneration.promptReplacements(
    { type, shape: [rows, size], data: batch.inputs[0] },
    continuations,
    barredTokens(descriptor),
    MAX_REPLACEMENTS,
  );
  return {
    slopes: continuations.map((continuation, row) =>
      continuation === undefined ? undefined : rowOf(replacements, size, row),
    ),
    seconds: (performance.now() - start) / 1000,
  };
}
