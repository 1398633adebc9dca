import { randomStream } from '../core/random.ts';
import { SpatialMoves } from '../mutators/image/spatial.ts';
import { type Attack, type AttackContext, type AttackedInput, AttackedValues } from './attack.ts';

/**
 * An attack on inputs that are first rotated and shifted at random within their frames, as `--combine` asks for.
 *
 * @param name of the attack, by which draws are keyed
 */
export function withCombination(name: string, attack: Attack, context: AttackContext): Attack {
  if (context.combine === undefined) return attack;
  const values = new AttackedValues(context);
  const moved = (input: AttackedInput): AttackedInput => {
    const picture = values.valuesOf(input.data);
    const moves = new SpatialMoves(values.layoutOf(input.data), picture.slice());
    moves.begin(picture);
    moves.moveAtRandom(randomStream(context.seed, name, 'random-spatial', input.index), picture, 0);
    return { ...input, data: values.withValues(input.data, picture, values.boundsAround(input.data)) };
  };
  return { run: (inputs, oracle) => attack.run(inputs.map(moved), oracle) };
}
