import type { WorkingArray } from '../../constraints/bounds.ts';
import type { DecodedMove } from '../mutator.ts';

/**
 * Writes a mutant whose latent vector moved: the decoded vector, and a share of what its parent has beyond the decoded vector before
 * it. With a share of 1 a move of length 0 gives the parent bit for bit; without a decoded move the mutant is its parent.
 */
export function writeDecoded(
  out: WorkingArray,
  offset: number,
  parent: WorkingArray,
  decoded: DecodedMove | undefined,
  residual: number,
): void {
  if (decoded === undefined) {
    out.set(parent, offset);
    return;
  }
  const { before, after } = decoded;
  for (let i = 0; i < parent.length; i++)
    out[offset + i] =
      residual === 1
        ? parent[i] + (after[i] - before[i])
        : residual === 0
          ? after[i]
          : after[i] + residual * (parent[i] - before[i]);
}
