import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { textDifference } from '../../src/report/text-difference.ts';

const textOf = (from: string, to: string, ...kinds: string[]): string | undefined =>
  textDifference(from, to)
    ?.filter(({ kind }) => kinds.includes(kind))
    .map(({ text }) => text)
    .join('');

test('without insertions the pieces give the one text, without deletions the other', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      (from, to) => {
        expect(textOf(from, to, 'same', 'deleted')).toBe(from);
        expect(textOf(from, to, 'same', 'inserted')).toBe(to);
      },
    ),
  );
});

test('edits are whole words rather than letters that happen to be equal', () => {
  expect(textDifference('the cat sat', 'the dog sat')).toEqual([
    { kind: 'same', text: 'the ' },
    { kind: 'deleted', text: 'cat' },
    { kind: 'inserted', text: 'dog' },
    { kind: 'same', text: ' sat' },
  ]);
});

test('of a long text only what is near an edit is shown, and one that is too long is not compared', () => {
  const long = 'ab '.repeat(2_000);
  const [before, inserted, after] = textDifference(`${long}END`, `${long}x END`) ?? [];
  expect([before.text.length, inserted, after.text]).toEqual([401, { kind: 'inserted', text: 'x ' }, 'END']);
  expect(before.text.startsWith('…')).toBe(true);
  expect(textDifference('x'.repeat(20_001), 'y')).toBeUndefined();
});
