import type { Random } from '../../core/random.ts';
import type { DefaultedParameter, ParameterValues } from '../../extensions/parameters.ts';
import type { MutatorKind } from '../mutator.ts';
import { type Layout, makeLayoutCache } from './layout.ts';
import { type Affine, warp } from './warp.ts';

/** A mutator that moves the values of a picture by an affine map drawn for each mutant. */
export function makeAffineMutator(
  {
    name,
    help,
    source,
    parameter,
  }: { name: string; help: string; source: string; parameter: DefaultedParameter },
  draw: (amount: number, layout: Layout, random: Random) => Affine,
): MutatorKind {
  return {
    name,
    help,
    source,
    domains: ['image'],
    parameters: [parameter],
    geometric: true,
    cost: 75,
    make(value: ParameterValues, input) {
      const amount = value(parameter);
      const layoutFor = makeLayoutCache(input);
      return {
        mutate(out, offset, parent, { shape, random }) {
          const layout = layoutFor(shape);
          warp(parent, out, offset, layout, draw(amount, layout, random));
        },
      };
    },
  };
}
