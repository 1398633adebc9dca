import { expect, test } from '@jest/globals';
import { checkLength, MAX_LINE_BYTES, splitLines } from '../../src/core/text-lines.ts';

const LONG = 'a'.repeat(MAX_LINE_BYTES);

test('lines up to 64 kB are split, a longer one is named by its number, length and limit', () => {
  expect(splitLines(`one\r\n${LONG}\n`, 'p.txt')).toEqual(['one', LONG, '']);
  expect(() => splitLines(`one\n\n${LONG}a\nfour`, 'p.txt')).toThrow(
    'p.txt:3 is 65537 bytes long, and the limit is 65536: shorten it, or split it',
  );
});

test('bytes are counted, not characters', () => {
  expect(() => checkLength('é'.repeat(40_000), 'p.txt:1')).toThrow(/^p\.txt:1 is 80000 bytes long/);
  checkLength('é'.repeat(30_000), 'p.txt:1');
});
