import type { TestcaseData } from '../../inputs/testcase.ts';
import { NO_TOKEN } from '../../model/language/generation.ts';
import { cloneData, makeData, readNumber, type TensorData, writeNumber } from '../../tensor/tensor.ts';
import { deltaDebug } from './delta-debugging.ts';
import { findFirstFailing, subsets } from './find-first-failing.ts';
import type { TestOracle, TryBudget } from './test-oracle.ts';
import { applyEdits, diffTokens } from './token-edits.ts';

/** Two minimized variants of a failing testcase. */
export interface MinimizedPrompts {
  /** The variant with the fewest edits from the seed's prompt. */
  readonly fewestEdits: TestcaseData;
  /** The variant with the shortest prompt. */
  readonly shortest: TestcaseData;
}

/**
 * Minimizes a prompt in two ways: by its edits from the seed's prompt, and by its length. Each by delta debugging, followed
 * by a search of everything smaller as far as the budget allows.
 *
 * @param input index of the prompt among the inputs
 */
export async function minimizePrompt(
  seed: TestcaseData,
  testcase: TestcaseData,
  input: number,
  oracle: TestOracle<TestcaseData>,
  budget: TryBudget,
): Promise<MinimizedPrompts> {
  const seedTokens = promptTokens(seed, input);
  const tokens = promptTokens(testcase, input);
  const withTokens = (changed: readonly number[]): TestcaseData => withPrompt(testcase, input, changed);
  const promptOracle: TestOracle<readonly number[]> = async (prompts) => {
    // An empty prompt cannot be run: it counts as passing.
    const runnable = prompts.filter(({ length }) => length > 0);
    const failing = runnable.length === 0 ? [] : [...(await oracle(runnable.map(withTokens)))];
    return prompts.map(({ length }) => length > 0 && failing.shift() === true);
  };
  const withinShare = async <T>(share: number, search: (part: TryBudget) => Promise<T>): Promise<T> => {
    const part = budget.split(share);
    const found = await search(part);
    budget.merge(part);
    return found;
  };

  const edits = diffTokens(seedTokens, tokens);
  const withEdits = (kept: readonly number[]): number[] =>
    applyEdits(
      seedTokens,
      kept.map((i) => edits[i]),
    );
  const keptEdits = await withinShare(1 / 4, (part) =>
    deltaDebug(edits.length, withEdits, promptOracle, part),
  );
  const smallerEdits = mapIterable(subsets(edits.length, keptEdits.length), withEdits);
  const fewestEdits =
    (await withinShare(1 / 3, (part) => findFirstFailing(smallerEdits, promptOracle, part))) ??
    withEdits(keptEdits);

  const withPlaces = (kept: readonly number[]): number[] => kept.map((i) => tokens[i]);
  const keptPlaces = await withinShare(1 / 2, (part) =>
    deltaDebug(tokens.length, withPlaces, promptOracle, part),
  );
  const shorterPrompts = shorterSlices(tokens, keptPlaces.length);
  const shortest = (await findFirstFailing(shorterPrompts, promptOracle, budget)) ?? withPlaces(keptPlaces);
  return { fewestEdits: withTokens(fewestEdits), shortest: withTokens(shortest) };
}

function* mapIterable<A, B>(items: Iterable<A>, to: (item: A) => B): Generator<B> {
  for (const item of items) yield to(item);
}

/** All contiguous slices of a prompt with fewer than `below` tokens, shortest first. */
function* shorterSlices(tokens: readonly number[], below: number): Generator<readonly number[]> {
  for (let length = 1; length < below; length++)
    for (let from = 0; from + length <= tokens.length; from++) yield tokens.slice(from, from + length);
}

/** The token IDs of a prompt without padding. */
export function promptTokens({ form, inputs }: TestcaseData, input: number): number[] {
  const { type, size } = form.inputs[input];
  return Array.from({ length: size }, (_, i) => readNumber(type, inputs[input], i)).filter(
    (id) => id !== NO_TOKEN,
  );
}

/** A copy of a testcase with another prompt, padded to the size of the input. */
function withPrompt({ form, inputs }: TestcaseData, input: number, tokens: readonly number[]): TestcaseData {
  const { type, size } = form.inputs[input];
  const prompt = makeData(type, size);
  for (let i = 0; i < size; i++) writeNumber(type, prompt, i, tokens[i] ?? NO_TOKEN);
  return { form, inputs: inputs.map((data, i): TensorData => (i === input ? prompt : cloneData(data))) };
}
