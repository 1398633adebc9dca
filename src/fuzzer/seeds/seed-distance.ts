import type { ConstraintLimits } from '../../constraints/constraint-limits.ts';
import { measureDistance } from '../../constraints/distance.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { TestcaseBatch } from '../../model/testcase-batch.ts';

/** Distances of a mutant from its seed; infinite where they are not known, as between testcases of different sizes. */
export interface SeedDistance {
  readonly linf: number;
  readonly l2: number;
  readonly l0: number;
}

/** What a task's violations of one objective say of a seed: the first of them, and the least distances. */
export interface SeedHit extends SeedDistance {
  /** Name of the objective. */
  readonly objective: string;
  /** Entry of the seed. */
  readonly seed: number;
  /** Which of the task's mutants of this seed violated first, from 1. */
  readonly query: number;
}

/** The distance by which seeds are told how near a violation lies. */
export type SeedNorm = keyof SeedDistance;

/** The norm of a campaign: that of its constraint; without one L∞ for numbers, and L0 where no input has any. */
export function seedNorm({ linf, l2, l0 }: ConstraintLimits, mutated: readonly InputDescriptor[]): SeedNorm {
  if (linf !== undefined) return 'linf';
  if (l2 !== undefined) return 'l2';
  if (l0 !== undefined) return 'l0';
  return mutated.some(({ domains }) => domains.includes('numbers')) ? 'linf' : 'l0';
}

/** Measures a mutant, which is one row. */
export function seedDistance(mutant: TestcaseBatch, seed: TestcaseBatch): SeedDistance {
  if (mutant.form.key !== seed.form.key) {
    const { l0 } = measureDistance(mutant, seed);
    return { linf: Number.POSITIVE_INFINITY, l2: Number.POSITIVE_INFINITY, l0 };
  }
  if (!mutant.form.inputs.every((_, i) => mutant.inputs[i] instanceof Float32Array))
    return measureDistance(mutant, seed);
  let linf = 0;
  let squares = 0;
  let l0 = 0;
  // Hot where most mutants violate: no call a value.
  for (let input = 0; input < mutant.inputs.length; input++) {
    const [values, from] = [mutant.inputs[input], seed.inputs[input]] as [Float32Array, Float32Array];
    for (let i = 0; i < values.length; i++) {
      const difference = Math.abs(values[i] - from[i]);
      if (difference === 0) continue;
      l0++;
      squares += difference * difference;
      if (difference > linf) linf = difference;
    }
  }
  return { linf, l2: Math.sqrt(squares), l0 };
}
