import { expect, test } from '@jest/globals';
import { validSeeds } from '../../../src/campaign/resolve/valid-seeds.ts';
import type { InputDescriptor } from '../../../src/inputs/input-descriptor.ts';
import { traitsOf } from '../../support/mutators.ts';
import { testcaseOf } from '../../support/tasks.ts';

const LEGAL = testcaseOf([0, 1]);
const OUTSIDE = testcaseOf([0, 1.5]);

/** The indices of the seeds that are left, and the warnings. */
function check(
  seeds: readonly (typeof LEGAL)[],
  descriptor: InputDescriptor = traitsOf({ size: 2 }),
  isMutated = true,
) {
  const warnings: string[] = [];
  const valid = validSeeds(seeds, [descriptor], [isMutated], {
    info: () => {},
    warn: (text) => warnings.push(text),
  });
  return { kept: valid.map((seed) => seeds.indexOf(seed)), warnings };
}

test('a seed outside the range is dropped with a warning that says where', () => {
  expect(check([LEGAL, OUTSIDE])).toEqual({
    kept: [0],
    warnings: [
      '1 of 2 seeds break a constraint and are left out: seed 1 has 1.5 at position 1 of input x, outside its range 0,1',
    ],
  });
});

test('a warning names three seeds at most', () => {
  const { warnings } = check([LEGAL, ...Array.from({ length: 5 }, () => testcaseOf([2, 2]))]);
  expect(warnings[0]).toContain('seed 3 has');
  expect(warnings[0]).not.toContain('seed 4 has');
  expect(warnings[0]).toMatch(/; and 2 more$/);
});

test('an input that is not mutated may have any values', () => {
  expect(check([OUTSIDE], undefined, false)).toEqual({ kept: [0], warnings: [] });
});

test('columns of whole numbers and categories are checked', () => {
  const columns = [{ kind: 'integer' }, { kind: 'category', values: [0, 2] }] as const;
  const table = traitsOf({ size: 2, range: { low: 0, high: 9 }, columns });
  const { kept, warnings } = check([testcaseOf([1, 2]), testcaseOf([1.5, 2]), testcaseOf([1, 3])], table);
  expect(kept).toEqual([0]);
  expect(warnings[0]).toContain('1.5 in column 0 of input x, which holds whole numbers');
  expect(warnings[0]).toContain('3 in column 1 of input x, which is not one of 0, 2');
});

test('the ends of a range are legal as the type rounds them', () => {
  // 0.7 is 0.699999988 in float32.
  const descriptor = traitsOf({ size: 1, range: { low: 0.7, high: 1 } });
  expect(check([testcaseOf([0.7])], descriptor).kept).toEqual([0]);
});

test('without any legal seed there is nothing to fuzz', () => {
  expect(() => check([OUTSIDE, testcaseOf([-1, 1])])).toThrow(
    "all 2 seeds contain values outside the range of input x, [0, 1] (lowest: -1, highest: 1.5): set it to [-1, 1.5] with --range x=-1,1.5 or range in the campaign file, or remove it to use the seeds' own range",
  );
  const columns = [{ kind: 'integer' }] as const;
  const table = traitsOf({ size: 1, range: { low: 0, high: 9 }, columns });
  expect(() => check([testcaseOf([0.5]), testcaseOf([1.5])], table)).toThrow(
    'seed 0 has 0.5 in column 0 of input x, which holds whole numbers, and all 2 seeds break a constraint: no seed is left to fuzz',
  );
});
