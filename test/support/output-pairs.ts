import type { BatchResult, BatchTensor } from '../../src/model/batched-model.ts';
import type { Comparator } from '../../src/objectives/comparators/comparator.ts';
import { makeComparator } from '../../src/objectives/comparators/registry.ts';
import type { OutputPair } from '../../src/objectives/output-pair.ts';
import { type DType, makeData, writeNumber } from '../../src/tensor/tensor.ts';

/** One row of a tensor from a list of numbers. */
export function rowTensor(
  name: string,
  shape: readonly number[],
  values: readonly number[],
  type: DType = 'float32',
): BatchTensor {
  const data = makeData(type, values.length);
  values.forEach((value, i) => {
    writeNumber(type, data, i, value);
  });
  return { name, type, shape, size: values.length, data };
}

/** One row of an output as two runs give it. */
export function outputPair(
  name: string,
  shape: readonly number[],
  reference: readonly number[],
  copy: readonly number[],
  type: DType = 'float32',
): OutputPair {
  return {
    reference: rowTensor(name, shape, reference, type),
    second: rowTensor(name, shape, copy, type),
  };
}

/** One row of two models. */
export function pairResult(pairs: readonly OutputPair[]): BatchResult {
  return {
    rows: 1,
    inputs: [],
    activations: [],
    outputs: pairs.map(({ reference }) => reference),
    secondOutputs: pairs.map(({ second }) => second),
  };
}

const LABELS = { reference: 'in A', second: 'in B', describeClasses: () => 'classes differ' };

/** What a comparator says of a row: its distances, and the violation where one is above what is allowed. */
export function compared(setting: string | Comparator, pairs: readonly OutputPair[]) {
  const comparator = typeof setting === 'string' ? makeComparator(setting) : setting;
  const measurements = comparator.measure(pairs, 0);
  const broken = measurements.find(({ distance, allowed }) => distance > allowed);
  return {
    refusal: comparator.refuses(pairs),
    distances: measurements.map(({ distance }) => distance),
    violation: broken?.describe(LABELS),
    output: broken?.output,
  };
}
