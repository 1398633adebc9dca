import { expect, test } from '@jest/globals';
import { COMPARATORS, makeComparator } from '../../../src/objectives/comparators/registry.ts';
import { makeBuiltIn } from '../../../src/objectives/registry.ts';
import { compared, outputPair } from '../../support/output-pairs.ts';

test('settings stand behind colons, and an output’s name may hold one', () => {
  const pairs = [outputPair('out:0', [1], [1], [2]), outputPair('out:1', [1], [1], [1])];
  expect(compared('regression:relative=0.5:output=out:0', pairs).output).toBe('out:0');
  expect(compared('regression:output=out:1:relative=0.5', pairs).violation).toBeUndefined();
});

test.each([
  ['boxen', /--objective: outputs can't be compared by boxen: .*boxes/],
  ['boxes:iou=2', /--objective: by=boxes:iou must be a number from 0 to 1, not '2'/],
  ['boxes:iuo=0.5', /by=boxes has no parameter iuo/],
  ['masks:of=best', /by=masks:of must be one of mean, worst, not 'best'/],
])('%s is refused', (setting, message) => {
  expect(() => makeComparator(setting)).toThrow(message);
  expect(() => makeBuiltIn(`differential:by=${setting}`)).toThrow(message);
});

test('metamorphic takes a comparator before its change, and not together with a direction', () => {
  expect(makeBuiltIn('metamorphic:by=tokens:edits=1,name=edits,brightness').name).toBe('metamorphic-edits');
  expect(makeBuiltIn('metamorphic:by=tokens:edits=1,brightness:most=0.1').change).toEqual([
    'brightness:most=0.1',
  ]);
  expect(() => makeBuiltIn('metamorphic:by=tokens,rises=1,brightness')).toThrow('rises or falls, or by');
});

test('every comparator has help', () => {
  for (const { name, help, parameters } of COMPARATORS.list()) {
    expect([name, help, parameters.map((parameter) => parameter.help)].flat().every(Boolean)).toBe(true);
  }
});
