import { describe, expect, test } from '@jest/globals';
import { MetamorphicTransform } from '../../../src/fuzzer/generation/metamorphic-transform.ts';
import { packBatch } from '../../../src/model/testcase-batch.ts';
import { traitsOf } from '../../support/mutators.ts';
import { testcaseOf } from '../../support/tasks.ts';

const FLOATS = traitsOf({ size: 4 });
const TESTCASES = [
  testcaseOf([0.5, 0.25, 0.5, 0.75]),
  testcaseOf([0.1, 0.2, 0.3, 0.4]),
  testcaseOf([0.5, 0.25, 0.5, 0.75]),
];

/** The transformed rows of some testcases. */
async function transform(
  specs: readonly string[],
  testcases = TESTCASES,
  seed = 'seed',
): Promise<number[][]> {
  const transformation = await MetamorphicTransform.make(specs, [FLOATS], seed);
  const { inputs } = transformation.apply(packBatch(testcases), testcases.length);
  return testcases.map((_, row) => [...inputs[0].subarray(4 * row, 4 * row + 4)].map(Number));
}

describe('follow-up inputs', () => {
  test('are the same for equal testcases, whatever row and batch they are in', async () => {
    const [first, second, third] = await transform(['gaussian']);
    expect(third).toEqual(first);
    expect(second).not.toEqual(first);
    expect(await transform(['gaussian'], [TESTCASES[1]])).toEqual([second]);
  });

  test('differ from their testcase and with the master seed', async () => {
    const [first] = await transform(['gaussian']);
    expect(first).not.toEqual([0.5, 0.25, 0.5, 0.75]);
    expect(await transform(['gaussian'], [TESTCASES[0]], 'other')).not.toEqual([first]);
  });

  test('stay within the range', async () => {
    const rows = await transform(['gaussian:sigma=0.9']);
    for (const value of rows.flat()) expect(value >= 0 && value <= 1).toBe(true);
  });

  test('of an input that is not named are copies', async () => {
    const inputs = [FLOATS, traitsOf({ name: 'y', size: 4 })];
    const transformation = await MetamorphicTransform.make(['y=gaussian'], inputs, 'seed');
    const [{ form, inputs: values }] = TESTCASES;
    const pair = {
      form: { key: 'pair', inputs: [form.inputs[0], { ...form.inputs[0], name: 'y' }] },
      inputs: [values[0], values[0]],
    };
    const [x, y] = transformation.apply(pair, 1).inputs;
    expect(x).toEqual(values[0]);
    expect(y).not.toEqual(values[0]);
  });
});

describe('a mutator is refused', () => {
  const make = (spec: string) => MetamorphicTransform.make([spec], [FLOATS], 'seed');

  test('that is a group', async () => {
    await expect(make('numbers')).rejects.toThrow('numbers is a group of several mutators: name one of them');
  });

  test('that needs a crossover partner', async () => {
    await expect(make('splice')).rejects.toThrow('splice needs a second testcase');
  });

  test('that fits no input', async () => {
    await expect(make('rotate')).rejects.toThrow('rotate fits no input of the model');
  });

  test('that changes the length', async () => {
    const tokens = { special: [], length: [1, 4], vocabulary: undefined, dictionary: [] } as const;
    const input = traitsOf({ type: 'int64', domains: ['numbers', 'tokens'], size: 4, tokens });
    await expect(MetamorphicTransform.make(['insert'], [input], 'seed')).rejects.toThrow(
      'insert changes the length of a testcase',
    );
  });
});
