import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { firstThatFits, fitParts, progressBar, shorten, wrapWords } from '../../../src/cli/output/fit.ts';

test('parts that do not fit are left out whole', () => {
  const parts = ['1,234 mutants', '140 per second', '5 lost'];
  expect(fitParts(parts, 80)).toBe('1,234 mutants, 140 per second, 5 lost');
  expect(fitParts(parts, 30)).toBe('1,234 mutants, 140 per second');
  // A later part that fits is better than nothing.
  expect(fitParts(parts, 25)).toBe('1,234 mutants, 5 lost');
  expect(fitParts(['', 'a'], 10)).toBe('a');
});

test('a text that is too long loses whole words, a path its beginning', () => {
  expect(shorten('looking for the input that ended a worker', 20)).toBe('looking for the…');
  expect(shorten('neurofuzz-out/campaigns/digits', 20)).toBe('…/campaigns/digits');
  expect(shorten('neurofuzz-out/campaigns/digits', 10)).toBe('…/digits');
  expect(shorten('abcdefghij', 5)).toBe('…ghij');
  expect(shorten('a\u001b[2J', 20)).toBe('a\\u{1B}[2J');
});

test('nothing is ever wider than asked for, and no word is cut at its end', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z/]{1,12}( [a-z]{1,9}){0,4}$/), { minLength: 1 }),
      fc.integer({ min: 2, max: 60 }),
      (parts, columns) => {
        const text = fitParts(parts, columns);
        expect(text.length).toBeLessThanOrEqual(columns);
        const words = new Set(parts.flatMap((part) => part.split(' ')));
        for (const word of text.replaceAll(',', '').split(' ')) {
          if (!word.startsWith('…')) expect(words).toContain(word.replace(/…$/, ''));
        }
      },
    ),
  );
});

test('the first text that fits is taken', () => {
  expect(firstThatFits(['three of four', 'three', '3'], 6)).toBe('three');
  expect(firstThatFits(['three of four', 'three', '3'], 1)).toBe('3');
});

test('a bar is as full as the share', () => {
  expect(progressBar(0.5, 4)).toBe('██░░');
  expect(progressBar(1.5, 4)).toBe('████');
  expect(progressBar(-1, 4)).toBe('░░░░');
});

test('prose is broken between words, and a command stays in one piece', () => {
  expect(wrapWords('nothing to break', 20)).toEqual(['nothing to break']);
  expect(wrapWords('  the chance that the next one fails', 16)).toEqual([
    '  the chance',
    '    that the',
    '    next one',
    '    fails',
  ]);
  expect(wrapWords('see /a/folder/that/is/long for it', 12)).toEqual([
    'see',
    '  /a/folder/that/is/long',
    '  for it',
  ]);
  const command = '  replay: npx neurofuzz replay neurofuzz-out/model/findings';
  expect(wrapWords(command, 20)).toEqual([command]);
});
