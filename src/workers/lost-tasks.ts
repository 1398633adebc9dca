import { packTestcases } from '../fuzzer/packed-testcases.ts';
import type { Hit, Task, TaskResult } from '../fuzzer/scheduling/task.ts';
import type { AscentAccount } from '../fuzzer/search/search-goal.ts';
import { processDeathViolation } from '../objectives/crash-signature.ts';
import type { Violation } from '../objectives/objective.ts';
import type { ProcessDied } from './lifetime/process-died.ts';

/** Result of a task of which nothing ran. */
export function emptyResult(task: Task): TaskResult {
  return {
    task: task.number,
    mutants: task.mutants,
    lost: 0,
    rejected: 0,
    candidates: { ...packTestcases([]), picks: [], predictedClasses: [] },
    hits: [],
    counts: [],
    seconds: { mutate: 0, model: 0, objectives: 0, coverage: 0 },
  };
}

/** Result of a task that ended its process with a signature of which enough findings are kept. */
export function lostResult(task: Task, died: ProcessDied): TaskResult {
  const { signature } = processDeathViolation(died.kind, died.exitStatus);
  return { ...emptyResult(task), lost: task.mutants, counts: [{ signature, hits: 1 }] };
}

/** A result with one more hit, by a mutant that was run alone. */
export function addHit(
  result: TaskResult,
  { firstExec }: Task,
  mutantIndex: number,
  violation: Violation,
  { pick, data }: Pick<Hit, 'pick' | 'data'>,
): TaskResult {
  const execs = firstExec + mutantIndex + 1;
  const hit: Hit = { pick, execs, violation, data, batch: { data, rows: 1, row: 0 } };
  return {
    ...result,
    hits: [...result.hits, hit],
    counts: [...result.counts, { signature: violation.signature, hits: 1 }],
  };
}

/** The result of a task that ran without its gradient, which ends the process that computes it. */
export function withDeadlyGradient(result: TaskResult, died: ProcessDied): TaskResult {
  const how = { crash: `crash with ${died.exitStatus}`, hang: 'hang', memory: 'exhaust its memory' }[
    died.kind
  ];
  const { progress = { subgoalCount: 0, improvements: [], smallestMargins: [] } } = result;
  const ascent: AscentAccount = {
    forwards: 0,
    gradients: 0,
    runs: 0,
    gradientSeconds: 0,
    seconds: 0,
    refusal: `computing a gradient makes the worker ${how}`,
    isDeadly: true,
  };
  return { ...result, progress: { ...progress, ascent } };
}
