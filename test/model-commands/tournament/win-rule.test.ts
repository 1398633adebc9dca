import { expect, test } from '@jest/globals';
import { parseWinRule, winsOf } from '../../../src/model-commands/tournament/win-rule.ts';

const answers = {
  classes: Int32Array.of(2, 2, 1, -1),
  shares: Float64Array.of(0.9, 0.4, 0.9, 0),
  holds: new Uint8Array(0),
  classCount: 3,
};

test('a model wins with the right class, and as sure as is asked for', () => {
  const labels = [2, 2, 2, 2];
  expect(winsOf(parseWinRule('correct'), answers, labels)).toEqual([1, 1, 0, 0]);
  expect(winsOf(parseWinRule('confident=0.8'), answers, labels)).toEqual([1, 0, 0, 0]);
  expect(winsOf(parseWinRule('agrees=a.onnx'), answers, [2, 1, 1, -1])).toEqual([1, 0, 1, 0]);
});

test('an assertion decides by itself', () => {
  const rule = parseWinRule('assert:max(abs(logits)) < 5');
  expect(winsOf(rule, { ...answers, holds: Uint8Array.of(1, 0) }, [])).toEqual([1, 0]);
});

test.each(['', 'right', 'confident', 'confident=0', 'confident=1.5', 'confident=x', 'agrees='])(
  'refuses the rule %j',
  (text) => {
    expect(() => parseWinRule(text)).toThrow('--win must be correct');
  },
);

test('an expression that can not be read is an error of --win', () => {
  expect(() => parseWinRule('assert:nope(')).toThrow(/^--win: /);
});
