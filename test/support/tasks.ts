import type { CorpusEntryData, Task } from '../../src/fuzzer/scheduling/task.ts';
import type { TestcaseData } from '../../src/inputs/testcase.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { type DType, makeData, writeNumber } from '../../src/tensor/tensor.ts';

/** A testcase with one input `x` that holds these values. */
export function testcaseOf(values: readonly number[], type: DType = 'float32'): TestcaseData {
  const input = makeTestcaseInput({ name: 'x', type, shape: [null] }, [values.length]);
  const data = makeData(type, values.length);
  values.forEach((value, i) => {
    writeNumber(type, data, i, value);
  });
  return { form: shapeSignatureOf([input]), inputs: [data] };
}

/** Corpus entry `index` with one input; its ancestor and reference are itself unless given. */
export function entryOf(
  index: number,
  data: TestcaseData,
  ancestorIndex = index,
  referenceIndex = ancestorIndex,
): CorpusEntryData {
  return { entryIndex: index, ancestorIndex, referenceIndex, data, activations: Float32Array.of(index) };
}

/** Task 1 with one stack of the first arm of one input for each parent. */
export function taskOf(parents: readonly number[], fields: Partial<Task> = {}): Task {
  return {
    number: 1,
    firstExec: 0,
    mutants: 8 * parents.length,
    parents,
    partners: parents.map(() => -1),
    stacks: parents.flatMap(() => [0, -1, -1, -1]),
    saturatedSignatures: [],
    indexSize: 0,
    threshold: 0,
    ...fields,
  };
}
