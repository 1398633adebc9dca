import { describe, expect, test } from '@jest/globals';
import { findFixedInputs, hasFixedInputs } from '../../../src/campaign/resolve/fixed-inputs.ts';
import type { TestcaseData } from '../../../src/inputs/testcase.ts';
import { readOnnx } from '../../../src/model/formats/onnx/graph.ts';
import type { Graph } from '../../../src/model/graph/graph.ts';
import type { InputSpec } from '../../../src/model/model.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import { countdownLoop, sampleRateModel } from '../../support/control-flow.ts';

const INPUTS: readonly InputSpec[] = [
  { name: 'x', type: 'float32', shape: [1, 4] },
  { name: 'sr', type: 'int64', shape: [] },
];
const BRANCHES = readOnnx(sampleRateModel().finish('rates'), 'rates.onnx').graph;
const RATE = { sr: { type: 'int64', shape: [], values: [16000] } };

/** A testcase of an x that holds one number, and a rate. */
function testcase(x: number, rate: number): TestcaseData {
  const form = shapeSignatureOf([makeTestcaseInput(INPUTS[0], [1, 4]), makeTestcaseInput(INPUTS[1], [])]);
  return { form, inputs: [new Float32Array(4).fill(x), BigInt64Array.of(BigInt(rate))] };
}

const find = (
  seeds: readonly TestcaseData[],
  mutators: readonly (readonly string[])[] = [['gaussian'], []],
  {
    graph = BRANCHES,
    inputs = INPUTS,
  }: { readonly graph?: Graph; readonly inputs?: readonly InputSpec[] } = {},
) => findFixedInputs({ graph, inputs }, { seeds, mutators, lengthChanges: undefined });

describe('an input decides branches', () => {
  test('where it is the same in all seeds and not mutated', () => {
    expect(find([testcase(1, 16000), testcase(2, 16000)])).toEqual(RATE);
    expect(find([testcase(1, 16000)])).toEqual(RATE);
  });

  test('not where it is mutated, or differs between seeds', () => {
    expect(find([testcase(1, 16000)], [['gaussian'], ['integers']])).toBeUndefined();
    expect(find([testcase(1, 16000), testcase(1, 8000)])).toBeUndefined();
  });

  test('not where the model has no branch, or takes a row of it for each testcase of a batch', () => {
    const { graph } = readOnnx(countdownLoop(3, 2).finish('loop'), 'loop.onnx');
    expect(find([testcase(1, 16000)], undefined, { graph })).toBeUndefined();
    const inputs = INPUTS.map((input) => ({ ...input, shape: [null, ...input.shape] }));
    expect(find([testcase(1, 16000)], undefined, { inputs })).toBeUndefined();
  });

  test('with the batch of one that the model counts', () => {
    const inputs = INPUTS.map((input) => ({ ...input, shape: [1, ...input.shape] }));
    expect(find([testcase(1, 16000)], undefined, { inputs })).toEqual({ sr: { ...RATE.sr, shape: [1] } });
  });
});

test('a testcase fits where it has the values', () => {
  const fixed = find([testcase(1, 16000)]);
  expect(hasFixedInputs(testcase(5, 16000), fixed)).toBe(true);
  expect(hasFixedInputs(testcase(1, 8000), fixed)).toBe(false);
  expect(hasFixedInputs(testcase(1, 8000), undefined)).toBe(true);
});
