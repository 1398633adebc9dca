import type { ExplainedInput, MethodContext, Point, ScoreOracle } from '../method.ts';

/** Where gradients are taken: among the values of an input, or among the vectors that its tokens are looked up as. */
export interface Space {
  /** The input, and what stands for its absence. */
  readonly values: ArrayLike<number>;
  readonly baseline: ArrayLike<number>;
  /** Between the least and the greatest value of its scale; of vectors, of those of the input. */
  readonly span: number;
  /** The point with these values. */
  at(values: ArrayLike<number>): Point;
}

/** The space in which an input is changed by a little. */
export async function spaceOf(
  input: ExplainedInput,
  { values, baseline, span, areTokens }: MethodContext,
  oracle: ScoreOracle,
): Promise<Space> {
  if (!areTokens) return { values, baseline, span, at: (changed) => ({ input, values: changed }) };
  const [vectors, missing] = await oracle.lookups([{ input }, { input, values: baseline }]);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of vectors) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const at = (changed: ArrayLike<number>): Point => ({ input, vectors: changed });
  return { values: vectors, baseline: missing, span: high - low, at };
}

/** Values that are each computed from one of the first and one of the second. */
export function combine(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  value: (a: number, b: number) => number,
): Float64Array {
  return Float64Array.from({ length: a.length }, (_, i) => value(a[i], b[i]));
}
