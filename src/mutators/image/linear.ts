import type { Random } from '../../core/random.ts';
import type { DefaultedParameter } from '../../extensions/parameters.ts';
import type { MutatorKind } from '../mutator.ts';
import { makeLayoutCache } from './layout.ts';

/** A straight line that levels from 0 to 1 are read off: factor · level + shift. */
export interface LinearMap {
  readonly factor: number;
  readonly shift: number;
}

/** A mutator that reads all levels of a picture off one line, drawn for each mutant. */
export function makeLinearMutator(
  kind: Pick<MutatorKind, 'name' | 'help' | 'source'> & { readonly parameter: DefaultedParameter },
  draw: (amount: number, random: Random) => LinearMap,
): MutatorKind {
  const { parameter, ...named } = kind;
  return {
    ...named,
    domains: ['image'],
    parameters: [parameter],
    cost: 6,
    make(value, input) {
      const amount = value(parameter);
      const layoutFor = makeLayoutCache(input);
      return {
        mutate(out, offset, parent, { arithmetic, shape, random }) {
          const { black, white, channels, channelStep, columnStep } = layoutFor(shape);
          const { factor, shift } = draw(amount, random);
          // In values instead of levels the line is another one.
          const shifted = (c: number): number => black[c] * (1 - factor) + shift * (white[c] - black[c]);
          const isAlike = black.every((low, c) => low === black[0] && white[c] === white[0]);
          if (isAlike) {
            arithmetic.scale(out, offset, parent, factor, shifted(0));
            return;
          }
          for (let c = 0; c < channels; c++) {
            const own = shifted(c);
            const end = c * channelStep + (parent.length / channels) * columnStep;
            for (let i = c * channelStep; i < end; i += columnStep)
              out[offset + i] = factor * parent[i] + own;
          }
        },
      };
    },
  };
}
