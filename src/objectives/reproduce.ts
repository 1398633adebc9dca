import type { Block, RowModel } from '../models/rows.ts';
import type { Objective, Violation } from './objective.ts';

/** How often a finding is run again. */
export const RUNS = 10;

/** How running a testcase again went. */
export interface Reproduction {
  /** Runs out of `RUNS` that gave the signature. */
  readonly times: number;
  /** Other signatures that came up instead. */
  readonly others: readonly string[];
}

/** What is expected to come up. */
export interface Suspect {
  readonly signature: string;
  /** Tensors that the violation was seen in. */
  readonly tensors: readonly string[];
}

/**
 * Runs a testcase `RUNS` times and counts how often it breaks the same objective in the same way. Inner
 * tensors are exposed only where the violation lies in one: exposing them may change the result.
 *
 * @param row which row of the block is the testcase
 */
export async function reproduce(
  model: RowModel,
  objectives: readonly Objective[],
  suspect: Suspect,
  block: Block,
  rows = 1,
  row = 0,
): Promise<Reproduction> {
  const inner = suspect.tensors.filter((name) => !model.model.outputs.includes(name));
  const others = new Set<string>();
  let times = 0;
  for (let run = 0; run < RUNS; run++) {
    const result = await model.run(block, rows, inner);
    const seen: Violation[] = [];
    for (const objective of objectives) {
      objective.judge(result, (at, violation) => {
        if (at === row) seen.push(violation);
      });
    }
    if (seen.some((violation) => violation.signature === suspect.signature)) times++;
    else for (const violation of seen) others.add(violation.signature);
  }
  return { times, others: [...others] };
}
