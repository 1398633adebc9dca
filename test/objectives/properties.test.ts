import { describe, expect, test } from '@jest/globals';
import { RunTimeTracker } from '../../src/evaluation/run-time-tracker.ts';
import type { BatchResult, BatchTensor } from '../../src/model/batched-model.ts';
import { type JudgedBatch, MAX_MARGINS, type Violation } from '../../src/objectives/objective.ts';
import { makeBuiltIn, makeObjectives, objectiveSpecs } from '../../src/objectives/registry.ts';

const tensor = (values: readonly number[], size = values.length, name = 'y'): BatchTensor => ({
  name,
  type: 'float32',
  size,
  shape: [size],
  data: Float32Array.from(values),
});

const result = (...outputs: BatchTensor[]): BatchResult => ({
  rows: outputs[0].data.length / outputs[0].size,
  inputs: [],
  outputs,
  activations: [],
});

function judged(spec: string, run: JudgedBatch): Map<number, Violation> {
  const found = new Map<number, Violation>();
  makeBuiltIn(spec).judge(run, (row, violation) => found.set(row, violation));
  return found;
}

function margins(spec: string, run: JudgedBatch, row = 0): number[] {
  const out = new Float64Array(MAX_MARGINS);
  return [...out.subarray(0, makeBuiltIn(spec).margins?.(run, row, out) ?? 0)];
}

describe('misclassified', () => {
  const logits = [5, 1, 0, 1, 5, 0, 2, 2.1, 0, 9, 0, 0];
  const run: JudgedBatch = { ...result(tensor(logits, 3)), labels: [0, 0, 0, -1] };

  test('is another class than the label, where there is one', () => {
    expect([...judged('misclassified', run)].map(([row, { signature }]) => [row, signature])).toEqual([
      [1, 'misclassified-y'],
      [2, 'misclassified-y'],
    ]);
    expect(judged('misclassified', run).get(1)?.details).toMatchObject({
      label: 0,
      class: 1,
      values: [1, 5],
    });
  });

  test('only where the model is sure of the other class, if so asked', () => {
    expect([...judged('misclassified:confident=0.8', run).keys()]).toEqual([1]);
    expect([...judged('misclassified:abstain=0.45', run).keys()]).toEqual([1, 2]);
    expect([...judged('misclassified:abstain=0.6', run).keys()]).toEqual([1]);
  });

  test('only where the label is not among the best, if so asked', () => {
    const three: JudgedBatch = { ...result(tensor([1, 2, 3, 1, 0, 3], 3)), labels: [0, 0] };
    expect([...judged('misclassified:top=2', three).keys()]).toEqual([0]);
    expect(Math.min(...margins('misclassified:top=2', three, 1))).toBeGreaterThan(0);
    expect(Math.min(...margins('misclassified:top=2', three, 0))).toBe(0);
  });

  test('has margins of each other class, 0 where it is one', () => {
    expect(Math.min(...margins('misclassified', run, 1))).toBe(0);
    const [own, first, second] = margins('misclassified', run, 0);
    expect(own).toBe(Number.POSITIVE_INFINITY);
    expect(first).toBeLessThan(second);
    expect(Math.min(...margins('misclassified:confident=0.8', run, 2))).toBeGreaterThan(0);
  });

  test('with to counts some classes alone, which must overtake the best one', () => {
    // Of three classes the label is 0; the third run gives class 2, the others class 1.
    const targeted: JudgedBatch = {
      ...result(tensor([0, 3, 1, 0, 3, 2.9, 0, 1, 3], 3)),
      labels: [0, 0, 0],
    };
    expect([...judged('misclassified:to=2', targeted).keys()]).toEqual([2]);
    expect([...judged('misclassified:to=1+2', targeted).keys()]).toEqual([0, 1, 2]);
    const [label, other, far] = margins('misclassified:to=2', targeted, 0);
    expect([label, other]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    const near = margins('misclassified:to=2', targeted, 1)[2];
    expect(near).toBeGreaterThan(0);
    expect(far).toBeGreaterThan(near);
    expect(margins('misclassified:to=2', targeted, 2)[2]).toBe(0);
    const slope = makeBuiltIn('misclassified:to=2').marginSlope?.(targeted, 0, 2);
    expect([...(slope?.tensors.get('y') ?? [])]).toEqual([0, 1, -1]);
    expect(makeBuiltIn('misclassified:to=3').refuses?.(targeted)).toBe(
      'knows 3 classes from y, and to names class 3: name one below 3',
    );
    expect(() => makeBuiltIn('misclassified:to=a')).toThrow(/misclassified:to must be numbers of classes/);
  });

  test('refuses outputs without classes, and labels beyond them', () => {
    const objective = makeBuiltIn('misclassified');
    expect(objective.refuses?.({ ...run, labels: [2] })).toBeUndefined();
    expect(objective.refuses?.({ ...run, labels: [3] })).toBe('knows 3 classes from y, and a label says 3');
    expect(objective.refuses?.(result(tensor([1, 2], 1)))).toMatch(
      /needs an output with a value for each class/,
    );
  });
});

describe('metamorphic', () => {
  const pair = (before: readonly number[], after: readonly number[], size = before.length): JudgedBatch => ({
    ...result(tensor(before, size)),
    transformed: result(tensor(after, size)),
  });

  test('is another class by the change, or a difference', () => {
    expect(judged('metamorphic:brightness', pair([1, 2], [2, 1])).get(0)).toMatchObject({
      objective: 'metamorphic',
      signature: 'metamorphic-brightness-class-y',
      summary: 'Class changes from 1 to 0 after brightness (y: 2 vs 1 before, 2 vs 1 after)',
    });
    expect(judged('metamorphic:brightness', pair([1, 2], [1, 9])).size).toBe(0);
    expect(
      judged('metamorphic:name=dim,atol=0.5,brightness:most=0.1', pair([1], [2])).get(0)?.signature,
    ).toBe('metamorphic-dim-difference-y');
  });

  test('is a move the wrong way, beyond the slack', () => {
    const up = 'metamorphic:name=up,rises=1,raise:column=2';
    expect([...judged(up, pair([1, 1, 1], [2, 0.5, 1], 1)).keys()]).toEqual([1]);
    expect(judged(up, pair([1, 1, 1], [2, 0.5, 1], 1)).get(1)?.summary).toBe(
      'y falls from 1 to 0.5 after raise:column=2, but must not fall',
    );
    expect(judged('metamorphic:rises=1,slack=0.6,raise', pair([1], [0.5])).size).toBe(0);
    expect([...judged('metamorphic:falls=1,raise', pair([1, 1], [2, 0], 1)).keys()]).toEqual([0]);
    const [far, near, there] = [3, 1.01, 0.99].map((after) => margins(up, pair([1], [after]))[0]);
    expect(near).toBeLessThan(far);
    expect(near).toBeGreaterThan(0);
    expect(there).toBe(0);
  });

  test('is a changed testcase that the runtime fails', () => {
    const run: JudgedBatch = { ...result(tensor([1])), transformedError: 'no such axis' };
    expect(judged('metamorphic:brightness', run).get(0)).toMatchObject({
      signature: 'metamorphic-brightness-crash',
      summary: 'the runtime fails after brightness: no such axis',
    });
  });

  test('takes several changes, and needs one', () => {
    expect(makeBuiltIn('metamorphic:x=brightness:most=0.1 + contrast').change).toEqual([
      'x=brightness:most=0.1',
      'contrast',
    ]);
    expect(() => makeBuiltIn('metamorphic:atol=1')).toThrow(/needs a change that should not matter/);
    expect(() => makeBuiltIn('metamorphic:rises=1,falls=1,raise')).toThrow(/rises or falls, not both/);
  });
});

test('slow is a run of one row that takes many times what is usual', () => {
  const run = (took: number, usual: number): JudgedBatch => ({
    ...result(tensor([1])),
    time: { took, usual },
  });
  expect(judged('slow', run(0.011, 0.002)).get(0)?.summary).toBe(
    'a run takes 11 ms; runs of its shape usually take 2 ms',
  );
  expect(judged('slow', run(0.009, 0.002)).size).toBe(0);
  expect(judged('slow:times=4', run(0.009, 0.002)).size).toBe(1);
  expect(judged('slow', run(0.001, 0.0001)).size).toBe(0);
  expect(judged('slow:least=0.5', run(0.001, 0.0001)).size).toBe(1);
  expect(judged('slow', result(tensor([1]))).size).toBe(0);
});

test('what is usual is the median of the last runs of a form, once there are some', () => {
  const watch = new RunTimeTracker();
  const took = (form: string, seconds: number): number => {
    const usual = watch.usualSeconds(form);
    watch.record(form, seconds);
    return usual;
  };
  for (let n = 0; n < 7; n++) expect(took('a', 1)).toBe(Number.POSITIVE_INFINITY);
  expect(took('a', 50)).toBe(1);
  expect(took('a', 1)).toBe(1);
  expect(took('b', 1)).toBe(Number.POSITIVE_INFINITY);
  for (let n = 0; n < 20; n++) took('a', 3);
  expect(took('a', 3)).toBe(3);
});

test('a mapping names objectives; two of one name are refused', async () => {
  const specs = objectiveSpecs({
    bounded: 'assert:x < 1',
    dim: 'metamorphic:atol=1,brightness',
    plain: 'nonfinite',
  });
  expect((await makeObjectives(specs)).map(({ name }) => name)).toEqual([
    'assert-bounded',
    'metamorphic-dim',
    'nonfinite',
  ]);
  await expect(makeObjectives(['assert:name=a,x < 1', 'assert:name=a,x < 2'])).rejects.toThrow(
    /two objectives are called assert-a/,
  );
  const twice = objectiveSpecs({ one: 'quantization:top=1', three: 'quantization:top=3' });
  expect((await makeObjectives(twice)).map(({ name }) => name)).toEqual([
    'quantization-one',
    'quantization-three',
  ]);
  expect(() => makeBuiltIn('assert:name=a/b,x < 1')).toThrow(/assert:name must be letters/);
  expect(() => makeBuiltIn('misclassified:confident=2')).toThrow(/confident must be a number from 0 to 1/);
});
