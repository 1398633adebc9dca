import { randomStream } from '../core/random.ts';
import { readNumber } from '../tensor/tensor.ts';
import type { AttackContext, AttackedInput, AttackOutcome } from './attack.ts';

/** Inputs of another class that the nearest is chosen of. */
const DRAWS = 10;

/**
 * Gives each input a rival: of some inputs to which the model gives another class, drawn by the input's number, the nearest. An
 * input that has none of its shapes is left without.
 *
 * @param clean what the model says of the inputs as they are
 */
export function withRivals(
  inputs: readonly AttackedInput[],
  clean: readonly AttackOutcome[],
  { seed, position }: Pick<AttackContext, 'seed' | 'position'>,
): readonly AttackedInput[] {
  return inputs.map((input) => {
    const random = randomStream(seed, 'rival', input.index);
    const others = inputs.filter(({ data }, i) => {
      const { predicted } = clean[i].answer;
      return predicted >= 0 && predicted !== input.label && data.form.key === input.data.form.key;
    });
    const drawn = Array.from({ length: Math.min(DRAWS, others.length) }, () =>
      others.splice(random.below(others.length), 1),
    ).flat();
    const [nearest] = drawn
      .map(({ data }) => ({ data, distance: squaredDistance(data, input.data, position) }))
      .sort((a, b) => a.distance - b.distance);
    return nearest === undefined ? input : { ...input, rival: nearest.data };
  });
}

function squaredDistance(a: AttackedInput['data'], b: AttackedInput['data'], position: number): number {
  const { type, size } = a.form.inputs[position];
  let sum = 0;
  for (let i = 0; i < size; i++)
    sum += (readNumber(type, a.inputs[position], i) - readNumber(type, b.inputs[position], i)) ** 2;
  return sum;
}
