import { describe, expect, test } from '@jest/globals';
import { findInvariants, keepsInvariants } from '../../../src/campaign/resolve/input-invariants.ts';
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
) => findInvariants({ graph, inputs }, { seeds, mutators, lengthChanges: undefined });

describe('an input decides branches', () => {
  test('by its value, where it is the same in all seeds and not mutated, and by its shape', () => {
    const expected = { values: RATE, shapes: { x: [1, 4], sr: [] } };
    expect(find([testcase(1, 16000), testcase(2, 16000)])).toEqual(expected);
    expect(find([testcase(1, 16000)])).toEqual(expected);
  });

  test('not by its value where it is mutated, or differs between seeds', () => {
    expect(find([testcase(1, 16000)], [['gaussian'], ['integers']])?.values).toEqual({});
    expect(find([testcase(1, 16000), testcase(1, 8000)])?.values).toEqual({});
  });

  test('not where the model has no branch', () => {
    const { graph } = readOnnx(countdownLoop(3, 2).finish('loop'), 'loop.onnx');
    expect(find([testcase(1, 16000)], undefined, { graph })).toBeUndefined();
  });

  test('by its shape alone, but for the batch, where the model takes a row for each testcase', () => {
    const inputs = INPUTS.map((input) => ({ ...input, shape: [null, ...input.shape] }));
    expect(find([testcase(1, 16000)], undefined, { inputs })).toEqual({
      values: {},
      shapes: { x: [null, 1, 4], sr: [null] },
    });
  });

  test('with the batch where the model has it, as in the state of a recurrent network', () => {
    const inputs = [
      { ...INPUTS[0], shape: [1, null, 4], dimensions: ['layers', 'batch', 'features'] },
      { ...INPUTS[1], shape: [null], dimensions: ['batch'] },
    ];
    expect(find([testcase(1, 16000)], undefined, { inputs })?.shapes).toEqual({
      x: [1, null, 4],
      sr: [null],
    });
  });

  test('with the batch of one that the model counts', () => {
    const inputs = INPUTS.map((input) => ({ ...input, shape: [1, ...input.shape] }));
    expect(find([testcase(1, 16000)], undefined, { inputs })).toEqual({
      values: { sr: { ...RATE.sr, shape: [1] } },
      shapes: { x: [1, 1, 4], sr: [1] },
    });
  });

  test('by nothing where testcases are of several shapes', () => {
    const form = shapeSignatureOf([makeTestcaseInput(INPUTS[0], [1, 3]), makeTestcaseInput(INPUTS[1], [])]);
    const shorter = { form, inputs: [new Float32Array(3), BigInt64Array.of(16000n)] };
    expect(find([testcase(1, 16000), shorter])).toEqual({ values: {}, shapes: {} });
    const resized = { leader: 0, followers: [], minLength: 1, maxLength: 4 };
    const seeds = [testcase(1, 16000)];
    const mutators = [['insert'], []];
    expect(
      findInvariants({ graph: BRANCHES, inputs: INPUTS }, { seeds, mutators, lengthChanges: resized }),
    ).toEqual({ values: {}, shapes: {} });
  });
});

test('a testcase fits where it has the values', () => {
  const invariants = find([testcase(1, 16000)]);
  expect(keepsInvariants(testcase(5, 16000), invariants)).toBe(true);
  expect(keepsInvariants(testcase(1, 8000), invariants)).toBe(false);
  expect(keepsInvariants(testcase(1, 8000), undefined)).toBe(true);
});
