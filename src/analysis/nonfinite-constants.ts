import type { Model } from '../model/model.ts';
import { finitenessOf } from './operands.ts';

/** A test whether a constant of a model holds a NaN or an infinity, as masks of −∞ do; each is read once. */
export function nonfiniteConstantTest(model: Pick<Model, 'constant'>): (name: string) => boolean {
  const known = new Map<string, boolean>();
  return (name) => {
    let isNonfinite = known.get(name);
    if (isNonfinite === undefined) {
      const tensor = model.constant(name);
      isNonfinite = tensor !== undefined && finitenessOf(tensor) !== 'finite';
      known.set(name, isNonfinite);
    }
    return isNonfinite;
  };
}
