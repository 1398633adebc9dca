import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ConstraintLimits } from '../../../src/constraints/constraint-limits.ts';
import {
  followLength,
  type LengthChanges,
  resolveLengthChanges,
} from '../../../src/fuzzer/generation/length-changes.ts';
import type { TestcaseData } from '../../../src/inputs/testcase.ts';
import type { InputSpec } from '../../../src/model/model.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import { traitsOf } from '../../support/mutators.ts';

const TOKENS = { special: [], length: [1, 12], vocabulary: undefined, dictionary: [] } as const;

const spec = (name: string, shape: (number | null)[] = [null]): InputSpec => ({ name, type: 'int64', shape });
const INPUTS = [spec('tokens'), spec('mask')];
const DESCRIPTORS = [traitsOf({ name: 'tokens', tokens: TOKENS }), traitsOf({ name: 'mask' })];

/** A seed with as many values in each input. */
function seedOf(...lengths: number[]): TestcaseData {
  const inputs = lengths.map((length, i) => makeTestcaseInput(INPUTS[i], [length]));
  return { form: shapeSignatureOf(inputs), inputs: lengths.map((length) => new BigInt64Array(length)) };
}

const DEFAULTS = {
  inputs: INPUTS,
  descriptors: DESCRIPTORS,
  isMutated: [true, false] as readonly boolean[],
  seeds: [seedOf(4, 4)],
  limits: {} as ConstraintLimits,
};

/** Resolves two inputs, tokens and their mask, with some of the settings changed. */
function resolve(fields: Partial<typeof DEFAULTS> = {}): LengthChanges | undefined {
  const { inputs, descriptors, isMutated, seeds, limits } = { ...DEFAULTS, ...fields };
  return resolveLengthChanges(inputs, descriptors, isMutated, seeds, limits);
}

describe('lengths may change', () => {
  test('of the tokens that are mutated, and inputs of the same length follow', () => {
    expect(resolve()).toEqual({ leader: 0, followers: [1], minLength: 1, maxLength: 12 });
  });

  test('under a limit on edits, which counts insertions', () => {
    expect(resolve({ limits: { edits: 2 } })?.leader).toBe(0);
  });
});

describe('lengths are fixed', () => {
  test.each([{ linf: 1 }, { l2: 1 }, { l0: 1 }])('under %j, which compares positions', (limits) => {
    expect(resolve({ limits })).toBeUndefined();
  });

  test('where positions are fixed by a mask', () => {
    const fixed = [DESCRIPTORS[0], { ...DESCRIPTORS[1], fixed: new Uint8Array(4) }];
    expect(resolve({ descriptors: fixed })).toBeUndefined();
  });

  test('where texts are padded', () => {
    const padded = [{ ...DESCRIPTORS[0], tokens: { ...TOKENS, pad: -1 } }, DESCRIPTORS[1]];
    expect(resolve({ descriptors: padded })).toBeUndefined();
  });

  test('where the tokens are not mutated, or of a length that the model fixes', () => {
    expect(resolve({ isMutated: [false, true] })).toBeUndefined();
    expect(resolve({ inputs: [spec('tokens', [4]), spec('mask', [4])] })).toBeUndefined();
  });

  test('where another input has a length of its own, or another open size', () => {
    expect(resolve({ seeds: [seedOf(4, 4), seedOf(4, 5)] })).toBeUndefined();
    expect(resolve({ inputs: [spec('tokens'), spec('mask', [null, 2])] })).toBeUndefined();
  });
});

describe('an input that follows', () => {
  const follow = (values: readonly number[], size: number): number[] => [
    ...(followLength('int32', Int32Array.from(values), size) as Int32Array),
  ];

  test('is truncated', () => {
    expect(follow([5, 6, 9], 2)).toEqual([5, 6]);
  });

  test('counts on where it counts up, and repeats its last value else', () => {
    expect(follow([5, 6, 7], 5)).toEqual([5, 6, 7, 8, 9]);
    expect(follow([1, 1, 1], 5)).toEqual([1, 1, 1, 1, 1]);
    expect(follow([4], 3)).toEqual([4, 4, 4]);
    expect(follow([], 2)).toEqual([0, 0]);
  });

  test('keeps the values that both lengths have', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -99, max: 99 }), { maxLength: 9 }),
        fc.nat(12),
        (values, size) => {
          const followed = follow(values, size);
          expect(followed.length).toBe(size);
          expect(followed.slice(0, values.length)).toEqual(values.slice(0, size));
        },
      ),
    );
  });
});
