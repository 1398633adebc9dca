import { reason } from '../errors.ts';
import type { RowModel, RowResult, Rows } from '../models/rows.ts';
import { dependsOnMachine, failedRun } from './failure.ts';
import type { Objective, Violation } from './objective.ts';

/** How often a finding is run again. */
const RUNS = 10;

/** How often one that takes the whole time limit, or all of the memory, is. */
const COSTLY_RUNS = 2;

/** How often a finding of an objective is run again. */
export function runsOf(objective: string): number {
  return dependsOnMachine(objective) ? COSTLY_RUNS : RUNS;
}

/** How running a testcase again went. */
export interface Reproduction {
  /** Runs that gave the signature, of so many. */
  readonly times: number;
  readonly of: number;
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
 * Runs a testcase again and counts how often it breaks the same objective in the same way. A run that the
 * runtime fails is a violation too. Inner tensors are exposed only where the violation lies in one: exposing
 * them may change the result.
 *
 * @param row which row of the block is the testcase
 * @param beat called between runs
 */
export async function reproduce(
  model: RowModel,
  objectives: readonly Objective[],
  suspect: Suspect,
  { block, rows, row }: { readonly block: Rows; readonly rows: number; readonly row: number },
  runs: number,
  beat: () => void = () => {},
): Promise<Reproduction> {
  const inner = suspect.tensors.filter((name) => !model.model.outputs.includes(name));
  const others = new Set<string>();
  let times = 0;
  for (let run = 0; run < runs; run++) {
    const seen: Violation[] = [];
    let result: RowResult | undefined;
    try {
      result = await model.run(block, rows, inner);
    } catch (error) {
      seen.push(failedRun(reason(error)));
    }
    for (const objective of result === undefined ? [] : objectives) {
      objective.judge(result as RowResult, (at, violation) => {
        if (at === row) seen.push(violation);
      });
    }
    if (seen.some((violation) => violation.signature === suspect.signature)) times++;
    else for (const violation of seen) others.add(violation.signature);
    beat();
  }
  return { times, of: runs, others: [...others] };
}
