import { expect, test } from '@jest/globals';
import type { BatchTensor } from '../../src/model/batched-model.ts';
import type { JudgedBatch, RerunKind, RerunOutputs, Violation } from '../../src/objectives/objective.ts';
import { makeBuiltIn } from '../../src/objectives/registry.ts';

const tensor = (
  rows: readonly (readonly number[])[],
  type: 'float32' | 'int32' = 'float32',
): BatchTensor => ({
  name: 'y',
  type,
  size: rows[0].length,
  shape: [rows[0].length],
  data: type === 'int32' ? Int32Array.from(rows.flat()) : Float32Array.from(rows.flat()),
});

const runOf = (first: BatchTensor, reruns: readonly (readonly [RerunKind, RerunOutputs])[]): JudgedBatch => ({
  rows: first.data.length / first.size,
  inputs: [],
  outputs: [first],
  activations: [],
  reruns: new Map(reruns),
});

const same = (other: BatchTensor): RerunOutputs => ({ outputs: [other], failures: new Map() });

function judge(spec: string, run: JudgedBatch): Map<number, Violation> {
  const found = new Map<number, Violation>();
  makeBuiltIn(spec).judge(run, (row, violation) => found.set(row, violation));
  return found;
}

test('a row whose values differ by more than is allowed violates, with the value that differs most', () => {
  const first = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  const other = tensor([
    [1, 2, 3.0001],
    [4, 5.5, 8],
  ]);
  const found = judge('consistent', runOf(first, [['order', same(other)]]));
  expect([...found.keys()]).toEqual([1]);
  expect(found.get(1)).toMatchObject({
    objective: 'consistent',
    signature: 'consistent-order-y',
    summary: 'y[2] is 6, but 8 with the batch in reverse order',
    details: { across: 'order', output: 'y', index: 2, first: 6, other: 8 },
  });
  expect(judge('consistent:atol=3', runOf(first, [['order', same(other)]])).size).toBe(0);
  expect(judge('consistent:atol=0,rtol=0', runOf(first, [['order', same(other)]])).size).toBe(2);
});

test('whole numbers must be equal, and what is not finite differs from everything but itself', () => {
  const classes = runOf(tensor([[7]], 'int32'), [['again', same(tensor([[8]], 'int32'))]]);
  expect(judge('consistent:atol=5', classes).get(0)?.signature).toBe('consistent-again-y');
  const [nan, infinity] = [tensor([[Number.NaN]]), tensor([[Number.POSITIVE_INFINITY]])];
  expect(judge('consistent', runOf(nan, [['again', same(nan)]])).size).toBe(0);
  expect(judge('consistent', runOf(infinity, [['again', same(infinity)]])).size).toBe(0);
  expect(judge('consistent:atol=1e30', runOf(infinity, [['again', same(nan)]])).size).toBe(1);
  expect(judge('consistent:atol=1e30', runOf(tensor([[1]]), [['again', same(nan)]])).size).toBe(1);
});

test('a row that fails in the other run is named after it', () => {
  const rerun = { outputs: [tensor([[1], [2]])], failures: new Map([[1, 'too small']]) };
  const found = judge('consistent', runOf(tensor([[1], [2]]), [['alone', rerun]]));
  expect([...found]).toMatchObject([
    [1, { signature: 'consistent-alone-crash', summary: expect.stringContaining('too small') }],
  ]);
});

test('runs are chosen by across, and a model that has none of them is refused', () => {
  expect(makeBuiltIn('consistent').reruns).toEqual(['again', 'order', 'alone', 'threads']);
  const alone = makeBuiltIn('consistent:across=alone');
  expect(alone.reruns).toEqual(['alone']);
  expect(alone.refuses?.(runOf(tensor([[1]]), []))).toContain('cannot compare runs of this model');
  expect(alone.refuses?.(runOf(tensor([[1]]), [['alone', same(tensor([[1]]))]]))).toBeUndefined();
  expect(() => makeBuiltIn('consistent:across=moon')).toThrow(/again/);
});
