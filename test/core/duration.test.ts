import { expect, test } from '@jest/globals';
import { durationText, elapsedText, estimateText } from '../../src/core/duration.ts';

test('a duration has its two largest units, without zeros', () => {
  const cases = [0, 7.9, 60, 75, 600, 4000, 7200, 86_400, 183_600].map(durationText);
  expect(cases).toEqual([
    '0 s',
    '7 s',
    '1 min',
    '1 min 15 s',
    '10 min',
    '1 h 6 min',
    '2 h',
    '1 day',
    '2 days 3 h',
  ]);
});

test('an estimate has one unit below an hour, and is never 0 s', () => {
  const cases = [0, 0.2, 41, 90, 91, 230, 3599, 4000].map(estimateText);
  expect(cases).toEqual(['1 s', '1 s', '41 s', '90 s', '2 min', '4 min', '1 h', '1 h 7 min']);
});

test('elapsed time is told in the unit of its limit, and never beyond it', () => {
  expect(elapsedText(7.4, 60)).toBe('7 s of 60 s');
  expect(elapsedText(75, 600)).toBe('1 min 15 s of 10 min');
  expect(elapsedText(61.3, 60)).toBe('60 s of 60 s');
  expect(elapsedText(75, undefined)).toBe('1 min 15 s');
});
