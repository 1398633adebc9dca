import type { CorpusEntryData, Task } from '../../src/fuzzer/scheduling/task.ts';
import { entryOf, taskOf, testcaseOf } from './tasks.ts';

/** A corpus entry that is a seed, with its index as its only value. */
export function seedEntryOf(entryIndex: number, activations: number[] = [entryIndex]): CorpusEntryData {
  return { ...entryOf(entryIndex, testcaseOf([entryIndex])), activations: Float32Array.from(activations) };
}

/** Task `number` of 8 mutants of entry 0, unless other fields are given. */
export function numberedTask(number: number, fields: Partial<Task> = {}): Task {
  const mutants = fields.mutants ?? 8;
  return taskOf([0], { number, firstExec: number * mutants, mutants, stacks: [], ...fields });
}
