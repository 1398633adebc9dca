import { expect, test } from '@jest/globals';
import type { TestcaseData } from '../../../src/inputs/testcase.ts';
import { shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import { decodeStrings, encodeStrings } from '../../../src/tensor/strings.ts';
import { minimizeValues } from '../../../src/triage/minimize/minimize-values.ts';
import { TryBudget } from '../../../src/triage/minimize/test-oracle.ts';

function rowOf(...strings: string[]): TestcaseData {
  const form = shapeSignatureOf([{ name: 's', type: 'uint32', shape: [3, 8], size: 24, isString: true }]);
  return { form, inputs: [encodeStrings(strings, [3], 8).data] };
}

const stringsOf = ({ inputs }: TestcaseData): string[] => decodeStrings(inputs[0], 8);

test('a string returns to that of the seed as a whole, and no mixture of both is tried', async () => {
  const tried: string[][] = [];
  const smaller = await minimizeValues({
    seed: rowOf('red', 'green', 'blue'),
    testcase: rowOf('Zed', 'qreen', 'unknown'),
    isNumber: () => false,
    bounds: undefined,
    imageFormats: [undefined],
    oracle: async (variants) => {
      tried.push(...variants.map(stringsOf));
      return variants.map((variant) => stringsOf(variant)[1] === 'qreen');
    },
    marginOracle: async (variants) => variants.map(() => undefined as never),
    budget: new TryBudget(100),
  });
  expect(stringsOf(smaller)).toEqual(['red', 'qreen', 'blue']);
  const known = new Set(['red', 'green', 'blue', 'Zed', 'qreen', 'unknown']);
  expect(tried.flat().every((text) => known.has(text))).toBe(true);
});
