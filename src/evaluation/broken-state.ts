import { finitenessOf } from '../analysis/operands.ts';
import { isStateName } from '../inputs/input-kind.ts';
import type { Model, NamedTensor } from '../model/model.ts';
import { DTYPES, makeData, type Tensor } from '../tensor/tensor.ts';

/** An output that a recurrent network is given back as an input in its next step. */
export interface StateLoop {
  /** Index of the input. */
  readonly input: number;
  readonly output: string;
}

/** A state that stays broken. */
export interface BrokenState {
  readonly output: string;
  readonly input: string;
}

/** What names of a state say beside which one it is: that it goes in or comes out. */
const DIRECTION_PATTERN = /past|present|prev(?:ious)?|next|new|input|output|in(?![a-z])|out(?![a-z])|[^a-z]/g;

/** The name of a state without what tells the step before from the step after it: `h0` and `hn` are both `h`. */
function stemOf(name: string): string {
  const stem = name.toLowerCase().replace(DIRECTION_PATTERN, '');
  return stem.length > 1 ? stem.replace(/n$/, '') : stem;
}

/**
 * The outputs that are a state's next value: of an input named as one, that of its type and shape with its name, or the only
 * one of its type and shape.
 *
 * @param feeds of one step
 * @param outputs of that step
 */
export function findStateLoops(
  inputs: Model['inputs'],
  feeds: readonly Tensor[],
  outputs: readonly NamedTensor[],
): StateLoop[] {
  return inputs.flatMap(({ name }, input): StateLoop[] => {
    if (!isStateName(name)) return [];
    const { type, shape } = feeds[input];
    const fitting = outputs.filter((output) => output.type === type && output.shape.join() === shape.join());
    const named = fitting.filter((output) => stemOf(output.name) === stemOf(name));
    const [found] = named.length === 1 ? named : fitting;
    return named.length === 1 || fitting.length === 1 ? [{ input, output: found.name }] : [];
  });
}

/**
 * A state that a testcase breaks for good: given back, with zeros for all other numbers, it is not finite after the next step
 * either, although zeros alone do not break it. Undefined where there is none, or the model does not run so.
 */
export async function findBrokenState(
  model: Pick<Model, 'inputs' | 'run'>,
  feeds: readonly Tensor[],
): Promise<BrokenState | undefined> {
  if (!model.inputs.some(({ name }) => isStateName(name))) return undefined;
  try {
    const { outputs } = await model.run(feeds, []);
    const loops = findStateLoops(model.inputs, feeds, outputs);
    const resting = feeds.map(atRest);
    for (const { input, output } of loops) {
      const state = outputs.find(({ name }) => name === output);
      if (state === undefined || finitenessOf(state) === 'finite') continue;
      const given = resting.map((feed, i) => (i === input ? { ...feed, data: state.data } : feed));
      const isBrokenBy = async (next: readonly Tensor[]): Promise<boolean> => {
        const after = (await model.run(next, [])).outputs.find(({ name }) => name === output);
        return after !== undefined && finitenessOf(after) !== 'finite';
      };
      if ((await isBrokenBy(given)) && !(await isBrokenBy(resting)))
        return { output, input: model.inputs[input].name };
    }
  } catch {
    // The model does not run on zeros, or on a state that is not finite.
  }
  return undefined;
}

/** Zeros in a tensor's place; integers, which choose rows or rates, stay. */
function atRest(feed: Tensor): Tensor {
  return DTYPES[feed.type].kind === 'float' ? { ...feed, data: makeData(feed.type, feed.data.length) } : feed;
}
