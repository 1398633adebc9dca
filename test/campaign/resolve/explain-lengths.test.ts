import { expect, test } from '@jest/globals';
import { explainLengths } from '../../../src/campaign/resolve/explain-lengths.ts';
import type { InputSpec } from '../../../src/model/model.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../../src/model/testcase-batch.ts';

const WAVE: InputSpec = { name: 'wave', type: 'float32', shape: [1, null] };
const TOKENS: InputSpec = { name: 'tokens', type: 'int64', shape: [null] };
const LABEL: InputSpec = { name: 'label', type: 'int64', shape: [] };

function linesOn(
  input: InputSpec,
  lengths: readonly number[],
  changes?: Parameters<typeof explainLengths>[2],
  tokens?: Parameters<typeof explainLengths>[3]['tokens'],
): string[] {
  const seeds = lengths.map((length) => {
    const shape = input.shape.map((size) => size ?? length);
    return { form: shapeSignatureOf([makeTestcaseInput(input, shape)]), inputs: [new Float32Array(length)] };
  });
  const lines: string[] = [];
  explainLengths([input], seeds, changes, { tokens }, { info: (line) => lines.push(line), warn() {} });
  return lines;
}

test('lengths that stay those of the seeds are named', () => {
  expect(linesOn(WAVE, [400, 512, 400])).toEqual([
    expect.stringMatching(
      /^input wave keeps the sizes of its seeds, 1×400, 1×512, and .* add seeds of other/,
    ),
  ]);
  expect(linesOn(WAVE, [1, 2, 3, 4, 5, 6])[0]).toContain('1×4 and 2 more, and');
  expect(linesOn(LABEL, [1])).toEqual([]);
});

test('the most tokens are named where they are those of the longest seed, and not where they are set', () => {
  const changes = { leader: 0, followers: [], minLength: 1, maxLength: 26 };
  expect(linesOn(TOKENS, [5, 26], changes)).toEqual([
    'input tokens has 1 to 26 tokens in mutants, no more than the longest seed: tokens.tokens.length in the campaign file tries others',
  ]);
  expect(linesOn(TOKENS, [5, 26], changes, { tokens: { length: [1, 64] } })).toEqual([]);
});
