import { expect, test } from '@jest/globals';
import { decodeCsv } from '../../../src/inputs/formats/csv.ts';

test('cells may be quoted, hold commas, quotes and line breaks, and be empty', () => {
  const text = '\uFEFFname,size\r\n"a, ""b""",1\n"two\nlines",\n\n,3';
  expect(decodeCsv(text, 'x.csv')).toEqual([
    ['name', 'size'],
    ['a, "b"', '1'],
    ['two\nlines', ''],
    ['', '3'],
  ]);
});

test.each([
  ['a,b\nc', /row 2 has 1 cells, but the first row has 2/],
  ['a"b,c', /x\.csv, line 1: misplaced quotation mark/],
  ['"a', /misplaced quotation mark/],
])('%j is refused', (text, message) => {
  expect(() => decodeCsv(text, 'x.csv')).toThrow(message);
});

test('a quoted cell may be longer than the stack is deep', () => {
  const long = 'a""'.repeat(5_000_000);
  expect(decodeCsv(`"${long}"`, 'x.csv')[0][0]).toHaveLength(10_000_000);
  expect(() => decodeCsv(`"${long}`, 'x.csv')).toThrow(/line 1: misplaced quotation mark/);
});
