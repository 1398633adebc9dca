import type { CorpusEntryData, Task, TaskResult } from '../../src/fuzzer/scheduling/task.ts';
import type { TestcaseData } from '../../src/inputs/testcase.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/batched-model.ts';
import { emptyResult } from '../../src/workers/lost-tasks.ts';

/** A testcase of one float input x. */
export function testcaseOf(...values: number[]): TestcaseData {
  const input = makeTestcaseInput({ name: 'x', type: 'float32', shape: [null] }, [values.length]);
  return { form: shapeSignatureOf([input]), inputs: [Float32Array.from(values)] };
}

/** A corpus entry that is a seed of its own. */
export function entryOf(entryIndex: number, activations: number[] = [entryIndex]): CorpusEntryData {
  return {
    entryIndex,
    ancestorIndex: entryIndex,
    referenceIndex: entryIndex,
    data: testcaseOf(entryIndex),
    activations: Float32Array.from(activations),
  };
}

export function taskOf(number: number, changes: Partial<Task> = {}): Task {
  const mutants = changes.mutants ?? 8;
  return {
    number,
    firstExec: number * mutants,
    mutants,
    parents: [0],
    partners: [-1],
    stacks: [],
    saturatedSignatures: [],
    indexSize: 0,
    threshold: 1,
    ...changes,
  };
}

export function resultOf(task: Task): TaskResult {
  return emptyResult(task);
}
